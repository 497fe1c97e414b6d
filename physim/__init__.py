"""physim: one photo becomes a physically simulated scene.

The river of data, one public function per arrow::

    Shot ──reconstruct──▶ Scene ──simulate──▶ Trajectory ──render──▶ Conditions

Importing this package is light: neither Warp nor JAX is loaded before a function that needs them is called.
Units, frames and array layouts are in ``docs/conventions.md``.
"""

from typing import TYPE_CHECKING

from physim._lazy import lazy_exports

__version__ = "0.1.0"

_EXPORTS = {
    # the river
    "Shot": "physim.shot",
    "reconstruct": "physim.reconstruct",
    "simulate": "physim.simulate",
    "render": "physim.render",
    "Compositor": "physim.compositor",
    "plan": "physim.sweep_plan",
    "sweep": "physim.sweep",
    "Folder": "physim.store",
    "Needs": "physim.executor",
    "executor_of": "physim.executor_choice",
    "Local": "physim.executor",
    "cores": "physim.ordered",
    "Ray": "physim.executor_ray",
    "Slurm": "physim.executor_slurm",
    "Event": "physim.events",
    "Webhook": "physim.webhook",
    "fit": "physim.fit",
    "Sighting": "physim.fit",
    "Fit": "physim.fit",
    "Progress": "physim.progress",
    "listen": "physim.listen",
    # types
    "Camera": "physim.camera",
    "CameraPath": "physim.camera_path",
    "Conditions": "physim.conditions",
    "Audible": "physim.audible",
    "Photo": "physim.photo",
    "read_prompt": "physim.prompt",
    "Prompt": "physim.prompt",
    "Scene": "physim.scene",
    "Entity": "physim.scene",
    "Light": "physim.scene",
    "Backdrop": "physim.scene",
    "Cutout": "physim.scene",
    "Trajectory": "physim.trajectory",
    # shapes
    "Plane": "physim.shapes",
    "Sphere": "physim.shapes",
    "Box": "physim.shapes",
    "Capsule": "physim.shapes",
    "Cylinder": "physim.shapes",
    "Hull": "physim.shapes",
    "Mesh": "physim.shapes",
    "Compound": "physim.compound",
    "Part": "physim.compound",
    "decompose": "physim.decompose",
    "HeightField": "physim.shapes",
    "Sheet": "physim.sheet",
    "Pattern": "physim.sheet",
    "Emitter": "physim.shapes",
    "Lake": "physim.lake",
    # materials
    "Rigid": "physim.materials",
    "Static": "physim.materials",
    "Kinematic": "physim.materials",
    "Smoke": "physim.materials",
    "Cloth": "physim.materials",
    "Liquid": "physim.materials",
    "Grains": "physim.materials",
    "Soft": "physim.materials",
    # forces
    "Wind": "physim.forces",
    "Impulse": "physim.forces",
    "Push": "physim.forces",
    "OverTime": "physim.over_time",
    "Daylight": "physim.daylight",
    # what holds and what moves as told
    "Motion": "physim.motion",
    "Pin": "physim.pins",
    "BallJoint": "physim.joints",
    "HingeJoint": "physim.joints",
    "FixedJoint": "physim.joints",
    "DistanceJoint": "physim.joints",
    "String": "physim.joints",
    "Spring": "physim.joints",
}

__all__ = ["__version__", *sorted(_EXPORTS)]

lazy_exports(__name__, _EXPORTS)

if TYPE_CHECKING:
    from typing import Any

    def __getattr__(name: str) -> Any: ...
