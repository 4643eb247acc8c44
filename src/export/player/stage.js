/** Draws the face: a key light with soft shadows, a fill, two rims, an open sky dimmed by occlusion, and gloss. */
class Stage {
  static shadowSide = 1024;
  static keyLight = unit([-0.55, 0.62, 0.78]);

  constructor(canvas, scene) {
    this.canvas = canvas;
    this.scene = scene;
    this.gl = canvas.getContext("webgl2", { antialias: true, alpha: false, powerPreference: "low-power" });
    if (!this.gl) throw new Error("this browser has no WebGL 2");
    const heights = scene.template.filter((_, i) => i % 3 === 1);
    const [low, high] = [heights.reduce((a, b) => Math.min(a, b)), heights.reduce((a, b) => Math.max(a, b))];
    this.fade = [low, low + 0.14 * (high - low)];
    this.#build();
  }

  #build() {
    const gl = this.gl;
    this.backdrop = program(gl, BACKDROP_VERTEX, BACKDROP_FRAGMENT);
    this.skin = program(gl, FACE_VERTEX, FACE_FRAGMENT);
    this.shadow = program(gl, SHADOW_VERTEX, SHADOW_FRAGMENT);

    this.positions = gl.createBuffer();
    this.normals = gl.createBuffer();
    this.mesh = gl.createVertexArray();
    gl.bindVertexArray(this.mesh);
    attribute(gl, 0, this.positions, null, 3, gl.FLOAT, false);
    attribute(gl, 1, this.normals, null, 3, gl.FLOAT, false);
    attribute(gl, 2, gl.createBuffer(), this.scene.colors, 4, gl.UNSIGNED_BYTE, true);
    attribute(gl, 3, gl.createBuffer(), this.scene.openness, 2, gl.UNSIGNED_BYTE, true);
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, this.scene.triangles, gl.STATIC_DRAW);
    gl.bindVertexArray(null);
    this.indexType = this.scene.triangles instanceof Uint16Array ? gl.UNSIGNED_SHORT : gl.UNSIGNED_INT;
    this.empty = gl.createVertexArray();

    this.depth = gl.createTexture();
    gl.bindTexture(gl.TEXTURE_2D, this.depth);
    gl.texStorage2D(gl.TEXTURE_2D, 1, gl.DEPTH_COMPONENT24, Stage.shadowSide, Stage.shadowSide);
    for (const [key, value] of [
      [gl.TEXTURE_MIN_FILTER, gl.LINEAR], [gl.TEXTURE_MAG_FILTER, gl.LINEAR],
      [gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE], [gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE],
      [gl.TEXTURE_COMPARE_MODE, gl.COMPARE_REF_TO_TEXTURE], [gl.TEXTURE_COMPARE_FUNC, gl.LEQUAL],
    ]) gl.texParameteri(gl.TEXTURE_2D, key, value);
    this.shadowTarget = gl.createFramebuffer();
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.shadowTarget);
    gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.DEPTH_ATTACHMENT, gl.TEXTURE_2D, this.depth, 0);
    gl.drawBuffers([gl.NONE]);
    gl.readBuffer(gl.NONE);
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
    this.light = this.#lightMatrix();
    gl.enable(gl.DEPTH_TEST);
    gl.blendFunc(gl.SRC_ALPHA, gl.ONE_MINUS_SRC_ALPHA);
  }

  /** Makes all resources again after the context was lost. */
  restore() {
    this.#build();
  }

  /** An orthographic view along the key light that covers the whole mesh. */
  #lightMatrix() {
    const { template, vertices } = this.scene;
    const center = [0, 0, 0];
    for (let i = 0; i < template.length; i++) center[i % 3] += template[i] / vertices;
    let radius = 0;
    for (let i = 0; i < template.length; i += 3)
      radius = Math.max(radius, Math.hypot(template[i] - center[0], template[i + 1] - center[1], template[i + 2] - center[2]));
    const reach = 1 / (radius * 1.1);
    const back = Stage.keyLight;
    const right = unit(cross([0, 1, 0], back));
    const scale = [reach, 0, 0, 0, 0, reach, 0, 0, 0, 0, -reach, 0, 0, 0, 0, 1];
    return multiply(scale, lookAt(center, right, cross(back, right), back));
  }

  /** Fits the drawing to the window; true if that changed it. */
  resize() {
    const ratio = Math.min(window.devicePixelRatio || 1, 2);
    const [width, height] = [this.canvas.clientWidth, this.canvas.clientHeight].map((v) => Math.max(1, Math.round(v * ratio)));
    if (this.canvas.width === width && this.canvas.height === height) return false;
    this.canvas.width = width;
    this.canvas.height = height;
    return true;
  }

  draw(rig, orbit) {
    const gl = this.gl;
    if (gl.isContextLost()) return;
    for (const [buffer, data] of [[this.positions, rig.positions], [this.normals, rig.normals]]) {
      gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
      gl.bufferData(gl.ARRAY_BUFFER, data, gl.DYNAMIC_DRAW);
    }
    gl.bindVertexArray(this.mesh);
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.shadowTarget);
    gl.viewport(0, 0, Stage.shadowSide, Stage.shadowSide);
    gl.clear(gl.DEPTH_BUFFER_BIT);
    gl.useProgram(this.shadow.program);
    gl.uniformMatrix4fv(this.shadow.light, false, this.light);
    gl.drawElements(gl.TRIANGLES, this.scene.triangles.length, this.indexType, 0);

    const { width, height } = this.canvas;
    const camera = orbit.camera(width / height);
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
    gl.viewport(0, 0, width, height);
    gl.clear(gl.DEPTH_BUFFER_BIT);
    gl.bindVertexArray(this.empty);
    gl.depthMask(false);
    gl.useProgram(this.backdrop.program);
    gl.uniform2f(this.backdrop.size, width, height);
    gl.drawArrays(gl.TRIANGLES, 0, 3);
    gl.depthMask(true);

    gl.bindVertexArray(this.mesh);
    const skin = this.skin;
    gl.useProgram(skin.program);
    gl.uniformMatrix4fv(skin.matrix, false, camera.matrix);
    gl.uniformMatrix4fv(skin.light, false, this.light);
    gl.uniform3fv(skin.eye, camera.eye);
    gl.uniform3fv(skin.key, Stage.keyLight);
    gl.uniform2fv(skin.fade, this.fade);
    gl.uniform1f(skin.open, rig.open);
    gl.uniform1i(skin.shadow, 0);
    gl.activeTexture(gl.TEXTURE0);
    gl.bindTexture(gl.TEXTURE_2D, this.depth);
    gl.enable(gl.BLEND);
    gl.drawElements(gl.TRIANGLES, this.scene.triangles.length, this.indexType, 0);
    gl.disable(gl.BLEND);
  }
}

function attribute(gl, place, buffer, data, size, type, normalized) {
  gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
  if (data) gl.bufferData(gl.ARRAY_BUFFER, data, gl.STATIC_DRAW);
  gl.enableVertexAttribArray(place);
  gl.vertexAttribPointer(place, size, type, normalized, 0, 0);
}

/** A linked program with its uniforms by name. */
function program(gl, vertex, fragment) {
  const linked = gl.createProgram();
  for (const [type, source] of [[gl.VERTEX_SHADER, vertex], [gl.FRAGMENT_SHADER, fragment]]) {
    const shader = gl.createShader(type);
    gl.shaderSource(shader, `#version 300 es\n${source}`);
    gl.compileShader(shader);
    if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS) && !gl.isContextLost()) throw new Error(gl.getShaderInfoLog(shader));
    gl.attachShader(linked, shader);
  }
  gl.linkProgram(linked);
  const uniforms = { program: linked };
  const count = gl.getProgramParameter(linked, gl.ACTIVE_UNIFORMS) || 0;
  for (let i = 0; i < count; i++) {
    const { name } = gl.getActiveUniform(linked, i);
    uniforms[name] = gl.getUniformLocation(linked, name);
  }
  return uniforms;
}
