"""Decodes an AVIF picture in a process of its own, which may take only so much memory and time.

A file may name a small size and hold large pictures, and the decoder makes those before it looks at the size. So this
runs as a script of a few lines: the file comes on standard input, its pixels go out. See `decode_avif` in verify.py.
"""

import resource
import struct
import sys
from io import BytesIO

MAX_MEMORY = 1200 * 2**20
MAX_SECONDS = 30
# The exit status where that was not enough memory.
NO_MEMORY = 3
# Mode, width, height, and the length of the ICC profile, which follows; then the pixels.
HEAD = ">4sIII"


def main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, MAX_MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (MAX_SECONDS, MAX_SECONDS))
    from PIL import AvifImagePlugin, Image

    # Each thread would take address space of its own.
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1
    image = Image.open(BytesIO(sys.stdin.buffer.read()), formats=["AVIF"])
    image.load()
    profile = image.info.get("icc_profile") or b""
    sys.stdout.buffer.write(struct.pack(HEAD, image.mode.encode(), *image.size, len(profile)) + profile)
    # In bands: all at once would be another copy.
    for top in range(0, image.height, 256):
        sys.stdout.buffer.write(image.crop((0, top, image.width, min(top + 256, image.height))).tobytes())


if __name__ == "__main__":
    try:
        main()
    except MemoryError:
        sys.exit(NO_MEMORY)
