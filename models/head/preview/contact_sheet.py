"""Labelled pictures in a grid, as a PNG below a size limit (with a palette if necessary)."""
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
    sheet.save(path, optimize=True)
    for colors in (256, 160, 96, 64):
        if os.path.getsize(path) < LARGEST:
            break
        palette = sheet.quantize(colors, method=Image.Quantize.MEDIANCUT)
        sheet.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG).save(path, optimize=True)
    print(f"{path}: {sheet.size[0]} x {sheet.size[1]}, {os.path.getsize(path) / 1e3:.0f} kB")
