/** Parameters to vertices, as the library's `Rig` computes them: shapes, pose correctives, skinning. Normals follow the moved mesh. */
class Rig {
  constructor(scene) {
    this.scene = scene;
    this.positions = scene.template.slice();
    this.normals = new Float32Array(scene.template.length);
    this.row = new Float32Array(scene.channels + 3 * scene.joints.length);
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
    const { channels, joints, shapes, template } = this.scene;
    this.positions.set(template);
    for (let c = 0; c < channels; c++) if (this.row[c] !== 0) this.#add(c, this.row[c]);
    this.rotations = joints.map((_, j) => rotation(...this.row.subarray(channels + 3 * j, channels + 3 * j + 3)));
    // Nine correctives for each of the last joints.
    const corrected = (shapes.scales.length - channels) / 9;
    this.rotations.slice(joints.length - corrected).forEach((r, j) => {
      r.forEach((entry, i) => {
        const less = entry - (i % 4 === 0 ? 1 : 0);
        if (less !== 0) this.#add(channels + 9 * j + i, less);
      });
    });
  }

  /** The movement of each joint, row-major 3 x 3 and a shift: its rotation about its pivot, then the movement of its parent. */
  #movements() {
    const { channels, joints, pivotShapes } = this.scene;
    const movements = [];
    joints.forEach(({ parent, pivot }, j) => {
      const r = this.rotations[j];
      const p = pivot.map((at, k) => {
        for (let c = 0; c < channels; c++) at += this.row[c] * pivotShapes[3 * (c * joints.length + j) + k];
        return at;
      });
      const shift = p.map((at, k) => at - (r[3 * k] * p[0] + r[3 * k + 1] * p[1] + r[3 * k + 2] * p[2]));
      movements.push(parent === null ? { r, shift } : after(movements[parent], { r, shift }));
    });
    return movements;
  }

  #turn() {
    const { jointWeights, vertices } = this.scene;
    const movements = this.#movements();
    const out = this.positions;
    for (let v = 0, i = 0; v < vertices; v++, i += 3) {
      const [x, y, z] = [out[i], out[i + 1], out[i + 2]];
      movements.forEach(({ r, shift }, j) => {
        const w = jointWeights[j * vertices + v];
        if (w === 0) return;
        out[i] += w * (r[0] * x + r[1] * y + r[2] * z + shift[0] - x);
        out[i + 1] += w * (r[3] * x + r[4] * y + r[5] * z + shift[1] - y);
        out[i + 2] += w * (r[6] * x + r[7] * y + r[8] * z + shift[2] - z);
      });
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

/** The movement `inner`, then `outer`. */
function after(outer, inner) {
  const [a, b] = [outer.r, inner.r];
  const r = a.map((_, i) => {
    const [row, column] = [i - (i % 3), i % 3];
    return a[row] * b[column] + a[row + 1] * b[3 + column] + a[row + 2] * b[6 + column];
  });
  const s = inner.shift;
  const shift = outer.shift.map((at, k) => at + a[3 * k] * s[0] + a[3 * k + 1] * s[1] + a[3 * k + 2] * s[2]);
  return { r, shift };
}
