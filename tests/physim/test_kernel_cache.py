"""What is compiled: each module once, without what nobody calls."""

import importlib
import pkgutil

import physim_kernels
import warp as wp

from physim import kernel_cache
from physim.joints import HingeJoint
from physim.materials import Kinematic, Rigid, Static
from physim.scene import Scene
from physim.shapes import Box, Plane, Sphere
from physim.simulate import simulate


def module_of(python_module) -> wp.Module:
    return wp.get_module(python_module.__name__)


def test_modules_without_kernels_are_not_compiled_and_all_others_are():
    named = [importlib.import_module(f"physim_kernels.{m.name}") for m in pkgutil.iter_modules(physim_kernels.__path__)]
    listed = kernel_cache.all_modules()
    assert all(module_of(m).kernels for m in listed)
    left = [m for m in named if m not in listed]
    assert len(left) > 5 and not any(module_of(m).kernels for m in left)


def test_no_module_has_adjoints_or_kernels_that_are_compiled_per_type():
    for module in kernel_cache.all_modules():
        compiled = module_of(module)
        assert compiled.options["enable_backward"] is False, module.__name__
        generic = [kernel.key for kernel in compiled.kernels.values() if kernel.is_generic]
        assert not generic, f"{module.__name__}: {generic} would be one more module for each type"


def test_a_run_compiles_one_binary_of_each_module_it_uses_and_no_others():
    scene = Scene()
    scene.add(Plane(), Static())
    scene.add(Box((0.2, 0.2, 0.2)), Rigid(), name="door", position=(0, 0.5, 0))
    scene.add(HingeJoint("door", at=(0.1, 0.5, 0), axis=(0, 1, 0)))
    scene.add(Box((0.2, 0.1, 0.2)), Kinematic(), name="lift", position=(1, 0.1, 0))
    scene.add(Sphere(0.05), Rigid(), position=(1, 0.3, 0))
    simulate(scene, seconds=0.1, fps=24, device="cpu")
    ours = {name: m for name, m in wp._src.context.user_modules.items() if name.startswith("physim_kernels")}
    listed = {m.__name__ for m in kernel_cache.all_modules()}
    loaded = {name: len(module.execs) for name, module in ours.items() if module.execs}
    assert {"physim_kernels.collide", "physim_kernels.joint", "physim_kernels.kinematic"} <= loaded.keys() <= listed
    assert set(loaded.values()) == {1}
