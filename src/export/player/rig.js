/** Parameters to vertices, as `Face::vertices` does it: shapes, the jaw's correctives, the jaw's turn. Normals follow the moved mesh. */
class Rig {
  constructor(scene) {
    this.scene = scene;
    this.positions = scene.template.slice();
    this.normals = new Float32Array(scene.template.length);
    this.row = new Float32Array(scene.channels + 3);
    /** How far the mouth is open, 0 to 1: what light reaches its inside. */
    this.open = 0;
  }

  /** Moves the face to an instant in seconds; between two frames it lies on the line between them. */
  pose(seconds) {
    const { motion, frames, fps } = this.scene;
    const width = this.row.length;
    const instant = Math.min(Math.max(seconds * fps, 0), frames - 1);
    const frame = Math.min(Math.floor(instant), Math.max(frames - 2, 0));
    const next = Math.min(frame + 1, frames - 1);
    const share = instant - frame;
    for (let i = 0; i < width; i++) {
      const from = motion[frame * width + i];
      this.row[i] = from + (motion[next * width + i] - from) * share;
    }
    this.#shape();
    this.#turn();
    this.#part();
    this.#light();
  }

  #add(shape, amount) {
    const { scales, starts, vertices, steps } = this.scene.shapes;
    const factor = amount * scales[shape];
    const out = this.positions;
    for (let i = starts[shape], end = starts[shape + 1]; i < end; i++) {
      const v = 3 * vertices[i];
      out[v] += factor * steps[3 * i];
      out[v + 1] += factor * steps[3 * i + 1];
      out[v + 2] += factor * steps[3 * i + 2];
    }
  }

  #shape() {
    const { channels, shapes, template } = this.scene;
    this.positions.set(template);
    for (let c = 0; c < channels; c++) if (this.row[c] !== 0) this.#add(c, this.row[c]);
    this.rotation = rotation(this.row[channels], this.row[channels + 1], this.row[channels + 2]);
    for (let s = channels; s < shapes.scales.length; s++) {
      const i = s - channels;
      this.#add(s, this.rotation[i] - (i % 4 === 0 ? 1 : 0));
    }
  }

  #turn() {
    const { channels, jawWeights, pivot, pivotShapes } = this.scene;
    const [px, py, pz] = [0, 1, 2].map((k) => {
      let at = pivot[k];
      for (let c = 0; c < channels; c++) at += this.row[c] * pivotShapes[3 * c + k];
      return at;
    });
    const r = this.rotation;
    const out = this.positions;
    for (let v = 0, i = 0; v < jawWeights.length; v++, i += 3) {
      const w = jawWeights[v];
      if (w === 0) continue;
      const [x, y, z] = [out[i] - px, out[i + 1] - py, out[i + 2] - pz];
      out[i] += w * (r[0] * x + r[1] * y + r[2] * z - x);
      out[i + 1] += w * (r[3] * x + r[4] * y + r[5] * z - y);
      out[i + 2] += w * (r[6] * x + r[7] * y + r[8] * z - z);
    }
  }

  #part() {
    const { lips, lipGaps } = this.scene;
    if (!lips) return;
    const [u, l] = lips.map((v) => 3 * v);
    const p = this.positions;
    const gap = Math.hypot(p[u] - p[l], p[u + 1] - p[l + 1], p[u + 2] - p[l + 2]);
    const share = (gap - lipGaps[0]) / (lipGaps[1] - lipGaps[0] || 1);
    this.open = Math.sqrt(Math.min(Math.max(share, 0), 1));
  }

  #light() {
    const { triangles } = this.scene;
    const p = this.positions;
    const n = this.normals.fill(0);
    for (let t = 0; t < triangles.length; t += 3) {
      const [a, b, c] = [3 * triangles[t], 3 * triangles[t + 1], 3 * triangles[t + 2]];
      const ux = p[b] - p[a], uy = p[b + 1] - p[a + 1], uz = p[b + 2] - p[a + 2];
      const vx = p[c] - p[a], vy = p[c + 1] - p[a + 1], vz = p[c + 2] - p[a + 2];
      const x = uy * vz - uz * vy, y = uz * vx - ux * vz, z = ux * vy - uy * vx;
      n[a] += x; n[a + 1] += y; n[a + 2] += z;
      n[b] += x; n[b + 1] += y; n[b + 2] += z;
      n[c] += x; n[c + 1] += y; n[c + 2] += z;
    }
    for (let i = 0; i < n.length; i += 3) {
      const length = Math.hypot(n[i], n[i + 1], n[i + 2]) || 1;
      n[i] /= length; n[i + 1] /= length; n[i + 2] /= length;
    }
  }
}

/** The row-major matrix of an axis-angle vector. */
function rotation(rx, ry, rz) {
  const angle = Math.hypot(rx, ry, rz);
  if (angle < 1e-9) return [1, 0, 0, 0, 1, 0, 0, 0, 1];
  const [x, y, z] = [rx / angle, ry / angle, rz / angle];
  const [s, c] = [Math.sin(angle), Math.cos(angle)];
  const k = 1 - c;
  return [
    c + x * x * k, x * y * k - z * s, x * z * k + y * s,
    y * x * k + z * s, c + y * y * k, y * z * k - x * s,
    z * x * k - y * s, z * y * k + x * s, c + z * z * k,
  ];
}
