"""Videos, arrays and conditions that nobody should give to the judge, and everybody does."""

import subprocess
import wave
import zipfile

import imageio_ffmpeg
import numpy as np
from toy_conditions import toy_conditions

SOURCE = "testsrc2=size={size}:rate={rate}:duration={seconds}"


def ffmpeg(*options):
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-loglevel", "error", "-nostdin", "-y", *options]
    subprocess.run([str(o) for o in command], check=True, capture_output=True)


def made(name, *options, size="96x64", rate="24", seconds="0.5", before=(), source=SOURCE):
    """Case: a file made from a moving test picture; given plain, nothing to compare it with."""

    def build(folder):
        path = folder / name
        picture = source.format(size=size, rate=rate, seconds=seconds)
        ffmpeg(*before, "-f", "lavfi", "-i", picture, *options, path)
        return path, {}

    return build


def cut(name, share, *options):
    """Case: a file of which only the first part is there."""

    def build(folder):
        path, _ = made("whole" + name, *options, size="320x240", seconds="1")(folder)
        data = path.read_bytes()
        short = folder / ("short" + name)
        short.write_bytes(data[: int(len(data) * share)])
        return short, {}

    return build


def scratched(name, *options, seed=0):
    """Case: bytes in the middle of the file are others."""

    def build(folder):
        path, _ = made(name, *options, size="320x240", seconds="1")(folder)
        data = bytearray(path.read_bytes())
        rng = np.random.default_rng(seed)
        for at in rng.integers(len(data) // 4, len(data), 60):
            data[at] = rng.integers(256)
        path.write_bytes(data)
        return path, {}

    return build


def turned(degrees):
    def build(folder):
        plain, _ = made("plain.mp4")(folder)
        path = folder / f"turned{degrees}.mp4"
        ffmpeg("-display_rotation", degrees, "-i", plain, "-c", "copy", path)
        return path, {}

    return build


def written(name, data):
    def build(folder):
        (folder / name).write_bytes(data)
        return folder / name, {}

    return build


def frames(value, **options):
    """Case: frames in memory."""
    return lambda folder: (value() if callable(value) else value, options)


def picture(count=6, shape=(24, 32), tail=(3,), dtype=np.uint8, seed=0):
    values = np.random.default_rng(seed).random((count, *shape, *tail))
    return values.astype(dtype) if np.issubdtype(dtype, np.floating) else (255 * values).astype(dtype)


def spoilt(**changes):
    """Case: toy conditions with other arrays, and the toy video."""

    def build(folder):
        conditions = toy_conditions(frames=6, height=40, width=48)
        arrays = {k: v(np.array(getattr(conditions, k))) if callable(v) else v for k, v in changes.items()}
        video = conditions.coarse
        for name, value in arrays.items():  # past the checks of the type, as a damaged file would be
            object.__setattr__(conditions, name, value)
        return video, {"conditions": conditions, "fps": 24.0}

    return build


def filed(change):
    """Case: a file of conditions that is changed after it was written."""

    def build(folder):
        conditions = toy_conditions(frames=6, height=40, width=48)
        path = conditions.save(folder / "toy.npz")
        change(path)
        return conditions.coarse, {"conditions": path, "fps": 24.0}

    return build


def without(name):
    def change(path):
        with zipfile.ZipFile(path) as old:
            kept = {n: old.read(n) for n in old.namelist() if n != f"{name}.npy"}
        with zipfile.ZipFile(path, "w") as new:
            for n, data in kept.items():
                new.writestr(n, data)

    return change


def shortened(path):
    path.write_bytes(path.read_bytes()[:3000])


def against(conditions=True, **video):
    """Case: a file before toy conditions that it has nothing to do with."""

    def build(folder):
        path, _ = made("other.mp4", **video)(folder)
        return path, {"conditions": toy_conditions(frames=6, height=40, width=48)}

    return build


def filmed(reference, **video):
    def build(folder):
        path, _ = made("mine.mp4", **video)(folder)
        return path, {"reference": reference(folder)[0]}

    return build


def sound(folder):
    with wave.open(str(folder / "sound.wav"), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(np.zeros(4000, np.int16).tobytes())
    return folder / "sound.wav", {}


def changing_size(folder):
    parts = [made(f"{s}.ts", "-c:v", "mpeg2video", size=s)(folder)[0] for s in ("96x64", "64x96")]
    path = folder / "both.ts"
    path.write_bytes(b"".join(p.read_bytes() for p in parts))
    return path, {}


def loop(folder):
    (folder / "loop.mp4").symlink_to(folder / "loop.mp4")
    return folder / "loop.mp4", {}


def nan_at(index):
    def change(values):
        values[index] = np.nan
        return values

    return change


BACK = "setpts='max(0,4-N)/24/TB'"
RED = "color=red:size={size}:rate={rate}:duration={seconds}"
PER_FRAME = (
    "flow", "coarse", "ids", "source_uv", "occlusion", "smoke", "liquid", "shadow", "depth", "intrinsics",
    "world_from_camera",
)  # fmt: skip
H264 = ("-c:v", "libx264", "-pix_fmt", "yuv420p")
FRONT = (*H264, "-movflags", "+faststart")
CASES = {
    # containers and codecs
    "mp4": made("a.mp4", *H264),
    "webm vp9": made("a.webm", "-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8"),
    "avi mjpeg": made("a.avi", "-c:v", "mjpeg", "-pix_fmt", "yuvj420p"),
    "mkv ffv1": made("a.mkv", "-c:v", "ffv1"),
    "mov prores": made("a.mov", "-c:v", "prores_ks"),
    "mpeg transport": made("a.ts", "-c:v", "mpeg2video"),
    "raw h264": made("a.h264", *H264),
    "gif": made("a.gif"),
    "apng": made("a.apng", "-f", "apng"),
    "y4m": made("a.y4m", "-pix_fmt", "yuv420p"),
    "wrong suffix": made("a.txt", *H264, "-f", "mp4"),
    "mp4 in pieces": made("a.mp4", *H264, "-movflags", "frag_keyframe+empty_moov"),
    # rates and times
    "1 fps": made("a.mp4", *H264, rate="1", seconds="4"),
    "12 fps": made("a.mp4", *H264, rate="12"),
    "23.976 fps": made("a.mp4", *H264, rate="24000/1001"),
    "60 fps": made("a.mp4", *H264, rate="60", seconds="0.3"),
    "1000 fps": made("a.mkv", *H264, rate="1000", seconds="0.02"),
    "variable rate": made("a.mkv", "-vf", "select='not(mod(n\\,3))+not(mod(n\\,7))'", "-fps_mode", "vfr", *H264),
    "a gap of an hour": made("a.mkv", "-vf", "setpts='PTS+gte(N,6)*3600/TB'", "-fps_mode", "passthrough", *H264),
    "starts late": made("a.ts", "-c:v", "mpeg2video", "-output_ts_offset", "100"),
    "frames out of time": made("a.nut", "-vf", BACK, "-fps_mode", "passthrough", "-c:v", "rawvideo"),
    # sizes and shapes
    "2 x 2": made("a.mp4", *H264, size="2x2"),
    "1 x 1": made("a.mkv", "-c:v", "ffv1", "-pix_fmt", "bgr0", size="1x1", source=RED),
    "odd size": made("a.mkv", "-c:v", "ffv1", "-pix_fmt", "yuv444p", size="33x31"),
    "a stripe": made("a.mkv", "-c:v", "ffv1", size="2000x8"),
    "a post": made("a.mkv", "-c:v", "ffv1", size="8x2000"),
    "full HD": made("a.mp4", *H264, "-preset", "ultrafast", size="1920x1080", seconds="0.2"),
    "4K": made("a.mp4", *H264, "-preset", "ultrafast", size="3840x2160", seconds="0.2"),
    "wide pixels": made("a.mp4", *H264, "-aspect", "4:1"),
    "pixels that cannot be": made("a.mkv", *H264, "-vf", "setsar=255/1"),
    "size changes": changing_size,
    "turned 90": turned(90),
    "turned 180": turned(180),
    "turned -90": turned(-90),
    # colour
    "grey": made("a.mkv", "-c:v", "ffv1", "-pix_fmt", "gray"),
    "grey of 16 bits": made("a.mkv", "-c:v", "ffv1", "-pix_fmt", "gray16le"),
    "10 bits": made("a.mp4", "-c:v", "libx264", "-pix_fmt", "yuv420p10le"),
    "4:4:4": made("a.mp4", "-c:v", "libx264", "-pix_fmt", "yuv444p"),
    "alpha in mov": made("a.mov", "-vf", "format=argb,colorchannelmixer=aa=0.5", "-c:v", "qtrle"),
    "alpha in webm": made("a.webm", "-pix_fmt", "yuva420p", "-c:v", "libvpx-vp9", "-deadline", "realtime"),
    "full range": made("a.mp4", *H264, "-color_range", "pc"),
    "HDR tags": made("a.mp4", *H264, "-color_trc", "smpte2084", "-colorspace", "bt2020nc"),
    "black": made("a.mp4", *H264, source=RED.replace("red", "black")),
    "white": made("a.mp4", *H264, source=RED.replace("red", "white")),
    "noise": made("a.mp4", *H264, "-vf", "noise=alls=100:allf=t"),
    "interlaced": made("a.ts", "-c:v", "mpeg2video", "-flags", "+ildct+ilme", "-vf", "setfield=tff"),
    # too little
    "one frame": made("a.mp4", *H264, "-frames:v", "1"),
    "two frames": made("a.mp4", *H264, "-frames:v", "2"),
    "no frame": made("a.mkv", *H264, "-frames:v", "0"),
    "a picture": made("a.png", "-frames:v", "1"),
    "an empty file": written("a.mp4", b""),
    "sound only": sound,
    # damage
    "no index": cut(".mp4", 0.6, *H264),
    "a third of it": cut(".mp4", 0.35, *FRONT),
    "nine tenths": cut(".mp4", 0.9, *FRONT),
    "a header": cut(".mp4", 0.02, *FRONT),
    "half an mkv": cut(".mkv", 0.5, *H264),
    "half an avi": cut(".avi", 0.5, "-c:v", "mjpeg", "-pix_fmt", "yuvj420p"),
    "half a gif": cut(".gif", 0.5),
    "scratched mp4": scratched("a.mp4", *FRONT),
    "scratched mkv": scratched("a.mkv", *H264, seed=1),
    "scratched avi": scratched("a.avi", "-c:v", "mjpeg", "-pix_fmt", "yuvj420p", seed=2),
    "noise as a file": written("a.mp4", np.random.default_rng(3).bytes(5000)),
    # what is no video
    "text": written("a.mp4", b"not a video\n" * 50),
    "a play list": written("a.m3u8", b"#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:1/a.ts\n#EXT-X-ENDLIST\n"),
    "a list of files": written("a.ffconcat", b"ffconcat version 1.0\nfile /etc/hostname\n"),
    "a folder": lambda folder: (folder, {}),
    "nothing there": lambda folder: (folder / "none.mp4", {}),
    "a link to itself": loop,
    # names
    "a name with a dash": lambda folder: named(folder, "-y.mp4"),
    "a name with a colon": lambda folder: named(folder, "http:x.mp4"),
    "a name with percent": lambda folder: named(folder, "a%03d.mp4"),
    "a name with letters": lambda folder: named(folder, "vidéo 'ü' \"x\".mp4"),
    # frames in memory
    "NaN": frames(lambda: np.full((4, 16, 16, 3), np.nan, np.float32)),
    "one NaN": frames(lambda: np.where(np.arange(4 * 768).reshape(4, 16, 16, 3) == 900, np.nan, 0.5)),
    "infinite": frames(lambda: np.full((4, 16, 16, 3), np.inf)),
    "out of range": frames(lambda: 7.0 * picture(dtype=np.float32) - 3),
    "doubles": frames(lambda: picture(dtype=np.float64)),
    "halves": frames(lambda: picture(dtype=np.float16)),
    "16 bits": frames(lambda: picture().astype(np.uint16)),
    "truth values": frames(lambda: picture() > 100),
    "numbers of five axes": frames(lambda: np.zeros((1, 4, 16, 16, 3), np.uint8)),
    "one picture": frames(lambda: np.zeros((16, 16, 3), np.uint8)),
    "a flat array": frames(lambda: np.zeros(100)),
    "no frames": frames(lambda: np.zeros((0, 16, 16, 3), np.uint8)),
    "a single frame": frames(lambda: np.zeros((1, 16, 16, 3), np.uint8)),
    "no pixels": frames(lambda: np.zeros((4, 0, 16, 3), np.uint8)),
    "alpha": frames(lambda: picture(tail=(4,))),
    "grey frames": frames(lambda: picture(tail=())),
    "a list of frames": frames(lambda: list(picture())),
    "frames of two sizes": frames(lambda: [np.zeros((16, 16, 3), np.uint8), np.zeros((16, 18, 3), np.uint8)]),
    "no list": frames(None),
    "a number": frames(7),
    "a strange step": frames(lambda: picture(shape=(48, 64))[:, ::-2, ::2]),
    "no rate": frames(lambda: picture(), fps=0.0),
    "a rate that is no number": frames(lambda: picture(), fps=float("nan")),
    # conditions
    "NaN in the flow": spoilt(flow=nan_at((2, 3, 4, 0))),
    "NaN in the depth": spoilt(depth=nan_at((0, 0, 0))),
    "infinite flow": spoilt(flow=lambda f: f * np.inf),
    "flow of a million": spoilt(flow=lambda f: f * 1e6),
    "nothing comes from the photo": spoilt(source_uv=lambda s: s * np.nan),
    "things of nothing": spoilt(ids=lambda i: i * 0),
    "things everywhere": spoilt(ids=lambda i: i * 0 + 1, flow=lambda f: f + 1),
    "a flow of another size": spoilt(flow=lambda f: f[:, :-1]),
    "too few ids": spoilt(ids=lambda i: i[:3]),
    "one frame of conditions": spoilt(**dict.fromkeys(PER_FRAME, lambda a: a[:1])),
    "conditions without fps": spoilt(fps=0.0),
    "half a file of conditions": filed(shortened),
    "text as conditions": filed(lambda path: path.write_text("no")),
    "conditions without flow": filed(without("flow")),
    "conditions without schema": filed(without("schema")),
    "conditions that are not there": filed(lambda path: path.unlink()),
    "another video": against(),
    "another rate": against(rate="30", seconds="0.3"),
    "too short a video": against(rate="60", seconds="0.03"),
    # films
    "film of another size": filmed(made("film.mp4", *H264, size="128x96")),
    "film of another rate": filmed(made("film.mp4", *H264, rate="30")),
    "film of two frames": filmed(made("film.mp4", *H264, "-frames:v", "2")),
    "film that is none": filmed(written("film.mp4", b"no")),
}  # fmt: skip
"""Name → what builds, in a folder, a video and the other arguments of ``judge``."""


def named(folder, name):
    path, _ = made("plain.mp4", *H264)(folder)
    return path.rename(folder / name), {}


def outcome(name, folder):
    """What the judge says: a report, or the error with which it refuses."""
    from i2v.metrics.judge import judge

    video, options = CASES[name](folder)
    try:
        return judge(video, **options)
    except ValueError as error:
        return error


def check(result):
    """A report with numbers, or a refusal in words; anything else is raised before this."""
    if isinstance(result, ValueError):
        assert len(str(result)) > 20 and "Traceback" not in str(result), repr(result)
        assert any(w in str(result) for w in ("expected", "render", "blown up", "no frame", "match")), str(result)
    else:
        assert result.metrics and result.table() and result.to_json()
