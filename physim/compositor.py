"""The one compositor: frames of a simulated shot from the photo's own pixels, at any size, one at a time.

Order of operations: plate through the camera, shadows over the exposure, bodies over the exposure with still layers in
front of them, the residual that makes the unmoved picture the photo to the bit, liquids, smoke. All light is added
linearly.
Pixels that nothing touches are copies of the photo and the same in every frame.

A frame much larger than the photo is composed on a grid that loses nothing of it and enlarged as the photo is.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import warp as wp
from scipy.ndimage import find_objects, label, maximum_filter

from physim import blend
from physim.background import Background, plate_with, still_map
from physim.composite import Solid, SolidComposer
from physim.grow import dilated
from physim.liquid_compose import LiquidComposer, Wet
from physim.magnify import Magnifier, grid_size
from physim.ordered import cores, in_order
from physim.plate import PlateSampler, resize, resize_map
from physim.relight import Relit, own_light
from physim.shadow import light_already_there, tint_of
from physim.shown import STILL, moved, shown, stilled
from physim.stretch import warped
from physim.surface_texture import PhotoTexture
from physim.trajectory import Trajectory


class Compositor:
    """Frames of a trajectory over its photo.

    Args:
        trajectory: A simulated scene with a camera and a backdrop (:func:`physim.reconstruct` gives both).
        size: (height, width) of the frames, of the photo's aspect; the photo's own by default.
        motion_blur: Exposure as a part of the frame interval; 0 for none.
        fps: Frames per second, at least the trajectory's, which is the default: what is between its frames is
            simulated or carried, no picture is ever mixed from two others.
        headroom: Brightest light that a frame may hold, photo white at 1. Beyond 1 the curve of sRGB goes on above 1:
            flames and lit smoke keep the light that a picture would cut off.
        device: Warp device; the default one if None.

    Raises:
        ValueError: No camera, no backdrop, a size that is not positive, or fewer frames than were simulated.
    """

    def __init__(
        self,
        trajectory: Trajectory,
        size: tuple[int, int] | None = None,
        *,
        motion_blur: float = 0.5,
        fps: float | None = None,
        headroom: float = 1.0,
        device=None,
    ) -> None:
        trajectory = own_light(stilled(shown(trajectory)))
        scene = trajectory.scene
        if scene.camera is None or scene.backdrop is None:
            missing = "camera" if scene.camera is None else "backdrop"
            raise ValueError(f"the scene has no {missing}; a composite needs the photo: see physim.reconstruct().")
        photo_size = scene.backdrop.photo.shape[:2]
        self.size = (int(photo_size[0]), int(photo_size[1])) if size is None else (int(size[0]), int(size[1]))
        if min(self.size) < 1 or not 0 <= motion_blur <= 1:
            raise ValueError(
                f"size {self.size}, motion_blur {motion_blur}: expected pixels >= 1 and a part of a frame."
            )
        self.fps = trajectory.fps if fps is None else float(fps)
        if not self.fps >= trajectory.fps:
            raise ValueError(f"fps is {fps}, expected at least the {trajectory.fps:g} that were simulated.")
        self._grid = grid_size(photo_size, self.size)
        self._scale = self._grid[1] / photo_size[1]
        self.frame_count = max(1, round(trajectory.seconds * self.fps))
        self._relit = Relit(scene)
        self._trajectory = trajectory
        self._device = device
        self._headroom = float(headroom)
        self._beyond: np.ndarray | None = None
        self._motion_blur = motion_blur
        shutter = motion_blur * trajectory.fps / self.fps  # as a part of a simulated frame
        self._photo = resize(scene.backdrop.photo, self._grid)
        moving = {name: track for name, track in trajectory.bodies.items() if self._moves(name)}
        still = {name: track for name, track in trajectory.bodies.items() if name not in moving}
        cloths = {name: track for name, track in trajectory.cloths.items() if self._waves(name)}
        resting = {name: track for name, track in trajectory.cloths.items() if name not in cloths}
        self._still = replace(trajectory, bodies=still, cloths=resting)
        plate = resize(plate_with(scene.backdrop, self._still, {**moving, **cloths}), self._grid)
        self._stills = still_map(scene.backdrop, self._grid)
        self._view = Background(scene.backdrop, scene.camera, self._grid, self._still, device)
        texture = PhotoTexture.measure(scene.backdrop.photo)

        def composer(bodies, cloths) -> SolidComposer:
            return SolidComposer(
                replace(trajectory, bodies=bodies, cloths=cloths), plate, self._grid, self._view, texture,
                stills=self._stills, shutter=shutter, device=device,
            )  # fmt: skip

        self._composer = composer(moving, cloths)
        of_photo = [{n: t for n, t in tracks.items() if scene[n].cutout is not None} for tracks in (moving, cloths)]
        added = len(moving) + len(cloths) - len(of_photo[0]) - len(of_photo[1])
        first = self._composer if added == 0 else composer(*of_photo)
        self._liquid = self._liquid_composer(shutter)
        start = first.at(0.0)
        self._target = self._photo if self._liquid is None else self._liquid.beneath(self._photo, start.picture)
        self._keep_first(start.picture, plate)
        self._smoke = self._smoke_view()
        self._wet: tuple[float, Wet] | None = None
        self._wet_first = self._liquid_at_first(start)
        self._memo: tuple[object, Solid] | None = None
        self._magnifier: Magnifier | None = None
        self._others: list[Compositor] = []

    def _moves(self, name: str) -> bool:
        """Whether a body has to be drawn: it was added, or it leaves its place in the photo."""
        scene, track = self._trajectory.scene, self._trajectory.bodies[name]
        if scene[name].cutout is None:
            return True
        assert scene.camera is not None
        radius = scene[name].shape.bounding_radius  # type: ignore[union-attr]
        away = np.linalg.norm(track.dense_position[0] - scene.camera.start.position)
        return bool(moved(track, radius).max() > STILL * away)

    def _waves(self, name: str) -> bool:
        """Whether a cloth has to be drawn: it was added, or it leaves its place in the photo."""
        scene, track = self._trajectory.scene, self._trajectory.cloths[name]
        if scene[name].cutout is None:
            return True
        assert scene.camera is not None
        away = np.linalg.norm(track.dense_position[0] - scene.camera.start.position, axis=-1)
        shift = np.abs(track.dense_position - track.dense_position[0]).max(axis=(0, 2))
        return bool((shift > STILL * away).any())

    def _keep_first(self, first: np.ndarray, plate: np.ndarray) -> None:
        """What the composite of frame 0, without added things, lacks to be the photo."""
        residual = self._target - first
        off = np.abs(residual).max(axis=-1) > 0
        self._islands: list[tuple[tuple[slice, slice], np.ndarray]] = []
        self._last: dict[int, tuple[np.ndarray, np.ndarray]] = {}
        self._warped: tuple[PlateSampler, PlateSampler] | None = None
        if not off.any():
            return
        reach = round(14 * max(self._scale, 1.0))
        labels, _ = label(dilated(off, reach), np.ones((3, 3)))
        boxes = enumerate(find_objects(labels), start=1)
        self._islands = [(window, labels[window] == k) for k, window in boxes]
        self._first, self._residual = first, residual

    def _carried(self, solid: Solid) -> np.ndarray:
        """The picture with the photo's residual where nothing has changed."""
        picture = solid.picture
        if not self._islands:
            return picture
        if self._composer.unmoved(solid.backdrop):
            for k, (window, mine) in enumerate(self._islands):
                np.copyto(picture[window], self._remembered(k, picture[window]), where=mine[..., None])
            return picture
        if self._warped is None:
            photo_size = self._view.photo_size
            self._warped = (
                PlateSampler(self._first, photo_size, self._device),
                PlateSampler(0.5 + 0.5 * self._residual, photo_size, self._device),
            )
        uv = solid.backdrop.source_uv
        first, residual = self._warped[0](uv), 2 * self._warped[1](uv) - 1
        residual[np.abs(residual) < 1e-5] = 0
        return np.clip(blend.carry_residual(picture, first, residual, self._scale), 0, 1)

    def _remembered(self, island: int, crop: np.ndarray) -> np.ndarray:
        """:meth:`_carried_in` of an island, or what it was for the frame before if nothing has changed there since."""
        before = self._last.get(island)
        if before is None or not np.array_equal(before[0], crop):
            before = self._last[island] = (crop.copy(), self._carried_in(crop, self._islands[island][0]))
        return before[1]

    def _carried_in(self, crop: np.ndarray, window: tuple[slice, slice]) -> np.ndarray:
        """The same for a part of an unmoved picture: an island of what frame 0 lacked, with some room about it."""
        first = self._first[window]
        changed = blend.change(crop, first) > 0
        if not changed.any():
            return self._target[window]
        carried = np.clip(blend.carry_residual(crop, first, self._residual[window], self._scale), 0, 1)
        reach = round(12 * max(self._scale, 1.0))
        same = ~maximum_filter(changed, size=2 * reach + 1)
        carried[same] = self._target[window][same]
        return carried

    def _liquid_composer(self, shutter: float) -> LiquidComposer | None:
        if not self._trajectory.liquids:
            return None
        return LiquidComposer(
            self._trajectory, self._grid, self._stills, shutter, device=self._device
        )  # fmt: skip

    def _with_liquid(self, solid: Solid, time: float) -> Solid:
        """The picture with liquids on it; remembered, since a frame is asked for its picture and for its shadow."""
        if self._liquid is None:
            return solid
        if self._wet is None or self._wet[0] != time:
            self._wet = (time, self._wet_at(solid, time))
        wet = self._wet[1]
        shadow = solid.shadow if wet.shadow is None else solid.shadow * wet.shadow
        return replace(solid, picture=wet.picture, depth=wet.depth, shadow=shadow)

    def _wet_at(self, solid: Solid, time: float) -> Wet:
        """Liquids on a picture; where one that the photo shows has not changed since frame 0, it is the photo."""
        assert self._liquid is not None
        unmoved = self._composer.unmoved(solid.backdrop)
        ground = None
        if solid.ground is not None and solid.ground_depth is not None:
            ground = (solid.ground, solid.ground_depth)
        wet = self._liquid.over(
            solid.picture, solid.depth, solid.backdrop.camera, time, ground=ground, unmoved=unmoved
        )  # fmt: skip
        if self._wet_first is None or not unmoved:
            return wet
        first = self._wet_first
        carried = np.clip(blend.carry_residual(wet.picture, first, self._photo - first, self._scale), 0, 1)
        reach = round(12 * max(self._scale, 1.0))
        same = ~maximum_filter(blend.change(wet.picture, first) > 0, size=2 * reach + 1)
        carried[same] = self._photo[same]
        return replace(wet, picture=carried)

    def _liquid_at_first(self, start: Solid) -> np.ndarray | None:
        """The composite of frame 0 with the liquids that the photo shows, if there are any."""
        if self._liquid is None or not self._liquid.of_photo:
            return None
        camera, names = start.backdrop.camera, self._liquid.of_photo
        return self._liquid.over(self._target, start.depth, camera, 0.0, unmoved=True, names=names).picture

    def _smoke_view(self):
        if not self._trajectory.smokes:
            return None
        from physim.smoke_view import SmokeView

        scene = self._trajectory.scene
        self._tint = tint_of(scene.light)
        assert scene.backdrop is not None
        self._lit = light_already_there(blend.to_linear(self._photo), scene.light)
        self._clear: tuple[float, np.ndarray] | None = None
        albedos = [scene[name].material.albedo for name in self._trajectory.smokes]  # type: ignore[union-attr]
        self._whiteness = blend.whiteness_of(np.mean(np.array(albedos, dtype=np.float64), axis=0))
        return SmokeView(self._trajectory, self._grid, device=self._device)

    def _smoked(self, picture: np.ndarray, solid: Solid, time: float) -> np.ndarray:
        """Smoke in front of everything it is in front of; thin still layers stand in the middle of it."""
        if self._smoke is None:
            return picture
        shadow = self._smoke_shadow(solid, time)
        if shadow.min() < blend.LIT:
            picture = picture.copy()
            blend.darken(picture, shadow, self._tint, device=self._device)
        picture = self._firelit(picture, solid, time)
        out = self._through_smoke(picture, solid.depth, solid, time)
        if self._stills is None or not self._composer.unmoved(solid.backdrop):
            return out
        nearer = self._stills.depth < solid.depth
        if nearer.any():
            depth = np.where(nearer, self._stills.depth, solid.depth).astype(np.float32)
            front = self._through_smoke(picture, depth, solid, time)
            alpha = (self._stills.alpha * nearer)[..., None]
            out = np.where(alpha > 0, blend.to_srgb(
                blend.to_linear(out) * (1 - alpha) + blend.to_linear(front) * alpha), out)  # fmt: skip
        return out

    def _firelit(self, picture: np.ndarray, solid: Solid, time: float) -> np.ndarray:
        """The picture with the light of flames on it: what is seen without them is its albedo in the photo's light."""
        light = self._smoke.firelight(time, solid.backdrop.camera, solid.depth)
        if light is None:
            return picture
        own = self._trajectory.scene.light
        lit = light.max(axis=-1) > 1e-4
        linear = blend.to_linear(picture[lit])
        picture = picture.copy()
        picture[lit] = blend.to_srgb(linear + light[lit] * linear / (np.asarray(own.colour) + np.asarray(own.ambient)))
        return picture

    def _smoke_shadow(self, solid: Solid, time: float) -> np.ndarray:
        """Factor on the light of what is seen behind smoke and below it, (H, W); remembered."""
        if self._clear is None or self._clear[0] != time:
            light, camera = self._trajectory.scene.light, solid.backdrop.camera
            through = self._smoke.shadow(time, camera, solid.depth, light)
            lit = self._lit
            if not self._composer.unmoved(solid.backdrop):
                lit = warped(lit, solid.backdrop.source_uv, (self._scale, self._scale), self._device)
            direct = lit * (1 - light.shadow_floor)
            self._clear = (time, ((through * direct + light.shadow_floor) / (direct + light.shadow_floor)))
        return self._clear[1]

    def _through_smoke(self, picture: np.ndarray, depth: np.ndarray, solid: Solid, time: float) -> np.ndarray:
        seen = self._smoke.at(time, solid.backdrop.camera, depth, self._trajectory.scene.light, flow=False)
        scattered = blend.lit_from_behind(
            seen.scattered, picture, seen.transmittance, self._trajectory.scene.light.ambient, self._whiteness
        )
        out = blend.smoke_over(picture, seen.transmittance, scattered, self._whiteness, device=self._device)
        if self._headroom > 1:  # white smoke never exceeds white; what glows is dark smoke, base T + scattered
            whole = blend.to_linear(picture) * seen.transmittance[..., None] + (1 - self._whiteness) * scattered
            self._beyond = np.maximum(whole - 1, 0)
        if seen.scattered.max() <= 1.5:
            return out
        light = blend.bloom(seen.scattered, self._grid[1] / 800)
        return blend.to_srgb(blend.to_linear(out) + light)

    def _solid(self, time: float) -> Solid:
        """The picture without smoke; remembered while neither a body nor the camera moves."""
        key = self._state(time)
        if self._memo is None or self._memo[0] != key:
            solid = self._composer.at(time)
            self._memo = (key, replace(solid, picture=self._carried(solid)))
        return self._memo[1]

    def _state(self, time: float) -> tuple:
        """Everything a picture without smoke depends on, but for the last digits of what is at rest.

        Coarser, the picture of a frame would be that of whichever of its neighbours was made first.
        """
        frame = self._view.at(time)
        shutter = self._composer.exposure(time, frame.camera)
        instants = [(name, time) for name in shutter.resting]
        instants += [(name, float(each)) for each in shutter.times for name in shutter.moving]
        trajectory = self._composer.trajectory
        poses = [trajectory.bodies[name].at(each) for name, each in instants if name in trajectory.bodies]
        rounded = tuple((*np.round(p, 12), *np.round(q, 12)) for p, q in poses)
        sheets = [trajectory.cloths[name].at(each) for name, each in instants if name in trajectory.cloths]
        forms = tuple(hash(np.round(sheet, 12).tobytes()) for sheet in sheets)
        water = float(time) if self._composer.lakes is not None else 0.0
        return (frame.camera.view, rounded, forms, water, self._relit.key)

    def _aim(self, time: float) -> None:
        """Let the light be that of ``time`` [s]."""
        light = self._relit.at(time)
        if light is None:
            return
        for part in (self._composer, self._liquid):
            if part is not None:
                part.aim(light)
        if self._smoke is not None:
            self._tint, self._smoke.glowing = tint_of(light), self._relit.glowing

    def frame_at(self, time: float) -> np.ndarray:
        """The picture at any ``time`` [s], (H, W, 3) float32 sRGB in [0, 1]."""
        self._aim(float(time))
        solid = self._with_liquid(self._solid(float(time)), float(time))
        self._beyond = None
        picture = self._smoked(solid.picture, solid, float(time))
        if self._grid != self.size:
            picture = self._magnify(picture, moved=not self._composer.unmoved(solid.backdrop))
        elif picture is solid.picture:
            picture = picture.copy()
        return self._relit(self._brighter(picture), solid.backdrop.depth, solid.depth, self._headroom)

    def _brighter(self, picture: np.ndarray) -> np.ndarray:
        """The picture with the light beyond white, as far as there is headroom for it."""
        if self._headroom <= 1 or self._beyond is None:
            return picture
        light = np.minimum(self._beyond, self._headroom - 1)
        if self._grid != self.size:
            light = np.stack([resize_map(light[..., k], self.size) for k in range(3)], axis=-1)
        bright = light.max(axis=-1) > 1e-3
        picture = picture.copy()
        linear = blend.to_linear(picture[bright]) + light[bright]
        picture[bright] = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** np.float32(1 / 2.4) - 0.055)
        return picture

    def _magnify(self, picture: np.ndarray, moved: bool = False) -> np.ndarray:
        if self._magnifier is None:
            photo = self._trajectory.scene.backdrop.photo  # type: ignore[union-attr]
            self._magnifier = Magnifier(photo, self._photo, self.size, self._device)
        return self._magnifier(picture, moved=moved)

    def frame(self, index: int) -> np.ndarray:
        """Frame ``index``, (H, W, 3) float32 sRGB in [0, 1]; negative numbers count from the end."""
        return self.frame_at(self._time(index))

    def shadow(self, index: int) -> np.ndarray:
        """Factor by which simulated things darken the light in frame ``index``, (H, W) float32; 1 is no change."""
        time = self._time(index)
        self._aim(time)
        solid = self._with_liquid(self._solid(time), time)
        shadow = solid.shadow if self._smoke is None else solid.shadow * self._smoke_shadow(solid, time)
        if self._grid != self.size:
            return resize_map(shadow, self.size)
        return shadow.copy() if shadow is solid.shadow else shadow

    def _time(self, index: int) -> float:
        if not -self.frame_count <= index < self.frame_count:
            raise IndexError(f"frame {index} of {self.frame_count}; expected 0 to {self.frame_count - 1}.")
        return (index % self.frame_count) / self.fps

    def __len__(self) -> int:
        return self.frame_count

    def __iter__(self) -> Iterator[np.ndarray]:
        """All frames in order, on a CPU two at a time; never more than a few are held."""
        return self.frames()

    def frames(self, first: int = 0, end: int | None = None, *, threads: int = 2) -> Iterator[np.ndarray]:
        """Frames ``first`` to ``end`` - 1 in order: the same as among all of them, whatever came before.

        Args:
            first: Number of the first one.
            end: Number after the last one; ``None``: all that are left.
            threads: Made at a time, 1 or 2.
        """
        end = self.frame_count if end is None else end
        if not 0 <= first <= end <= self.frame_count:
            raise IndexError(f"frames {first} to {end} of {self.frame_count}; expected a part of them.")
        team = self.team() if threads > 1 else [self]
        makers = [functools.partial(_later, compositor.frame, first) for compositor in team]
        return in_order(makers, end - first)

    def team(self) -> list[Compositor]:
        """This compositor, and on a CPU with a free core another like it: frames do not depend on each other."""
        on_cpu = wp.get_device(self._device).is_cpu
        if not self._others and on_cpu and min(cores(), self.frame_count) > 1:
            if self._grid != self.size:
                self._magnify(self._photo)  # shared with the other: it holds the photo at full size
            twin = Compositor(
                self._trajectory, self.size, motion_blur=self._motion_blur, fps=self.fps, headroom=self._headroom,
                device=self._device,
            )  # fmt: skip
            twin._magnifier = self._magnifier
            twin._composer.edges = self._composer.edges
            self._others = [twin]
        return [self, *self._others]


def _later(make: Callable[[int], np.ndarray], first: int, index: int) -> np.ndarray:
    return make(first + index)
