"""Labelled pictures in a grid, as a palette PNG below a size."""
import os

from PIL import Image, ImageDraw, ImageFont

LARGEST = 700_000


def save(path, images, columns, labels=None):
    """images: (h, w, 3) U8, all of one size."""
    height, width = images[0].shape[:2]
    rows = -(-len(images) // columns)
    sheet = Image.new("RGB", (columns * width, rows * height), (36, 40, 47))
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(max(12, width // 18))
    for i, image in enumerate(images):
        x, y = i % columns * width, i // columns * height
        sheet.paste(Image.fromarray(image), (x, y))
        if labels:
            draw.text((x + 9, y + 7), labels[i], fill=(20, 22, 26), font=font)
            draw.text((x + 8, y + 6), labels[i], fill=(240, 240, 240), font=font)
    for colors in (256, 192, 128, 96, 64):
        sheet.quantize(colors, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.FLOYDSTEINBERG).save(path, optimize=True)
        if os.path.getsize(path) < LARGEST:
            break
    print(f"{path}: {sheet.size[0]} x {sheet.size[1]}, {os.path.getsize(path) / 1e3:.0f} kB")
