"""Pictures of QR codes as a camera at a door sees them, and films of them that Chromium takes for a camera's."""

import base64
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Page


@dataclass(frozen=True)
class Shot:
    """One look at a code: how large (the symbol's side, in pixels of 640 × 480), and what went wrong with it."""

    name: str
    side: int = 300
    turned: float = 0  # degrees
    skewed: float = 0  # as if held at a slant
    blurred: float = 0  # pixels
    contrast: float = 1
    light: float = 1
    shadow: bool = False
    noise: int = 0  # of 255


# Draws the shot in the page and answers the picture as base64: PNG, and the bytes of its pixels.
DRAW = """async ([svg, shot]) => {
  const image = new Image();
  image.src = URL.createObjectURL(new Blob([svg], { type: 'image/svg+xml' }));
  await image.decode();
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [640, 480];
  const on = canvas.getContext('2d', { willReadFrequently: true });
  on.filter = `blur(${shot.blurred}px) contrast(${shot.contrast}) brightness(${shot.light})`;
  on.fillStyle = '#8a7f70';
  on.fillRect(0, 0, 640, 480);
  on.translate(320, 240);
  on.rotate(shot.turned * Math.PI / 180);
  on.transform(1, 0, shot.skewed, 1 - Math.abs(shot.skewed) / 2, 0, 0);
  if (shot.side > 0) on.drawImage(image, -shot.side / 2, -shot.side / 2, shot.side, shot.side);
  on.setTransform(1, 0, 0, 1, 0, 0);
  on.filter = 'none';
  if (shot.shadow) {
    const fall = on.createLinearGradient(120, 60, 520, 420);
    fall.addColorStop(0, 'rgb(0 0 0 / 0%)');
    fall.addColorStop(1, 'rgb(0 0 0 / 75%)');
    on.fillStyle = fall;
    on.fillRect(0, 0, 640, 480);
  }
  const picture = on.getImageData(0, 0, 640, 480);
  let seed = 1; // the same noise in every run
  for (let at = 0; shot.noise > 0 && at < picture.data.length; at += 4) {
    seed = (seed * 48271) % 2147483647;
    const more = (seed / 2147483647 - 0.5) * 2 * shot.noise;
    for (let part = 0; part < 3; part += 1) picture.data[at + part] += more;
  }
  on.putImageData(picture, 0, 0);
  let pixels = '';
  for (const byte of picture.data) pixels += String.fromCharCode(byte);
  return [canvas.toDataURL('image/png').split(',')[1], btoa(pixels)];
}"""


def draw(page: Page, svg: str, shot: Shot) -> tuple[bytes, bytes]:
    """The shot of a code as PNG, and its pixels (RGBA, 640 × 480)."""
    png, pixels = page.evaluate(DRAW, [svg, vars(shot)])
    return base64.b64decode(png), base64.b64decode(pixels)


def write_film(path: Path, pictures: list[bytes]) -> None:
    """Pixels of `draw`, each shown for a second, as YUV4MPEG2, which Chromium plays as a camera's, over and over."""
    frames = b""
    for pixels in pictures:
        grey = bytes((red * 77 + green * 150 + blue * 29) >> 8
                     for red, green, blue in zip(pixels[0::4], pixels[1::4], pixels[2::4]))
        frames += (b"FRAME\n" + grey + bytes([128]) * (640 * 480 // 2)) * 5
    path.write_bytes(b"YUV4MPEG2 W640 H480 F5:1 Ip A1:1 C420jpeg\n" + frames)
