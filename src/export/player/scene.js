/** The page's data: the JSON header and views into the block of arrays that stands behind it. */
function readScene() {
  const header = JSON.parse(document.getElementById("scene").textContent);
  const text = atob(document.getElementById("bytes").textContent.trim());
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  const view = (name, Type) => {
    const [offset, length] = header.arrays[name];
    return new Type(bytes.buffer, offset, length / Type.BYTES_PER_ELEMENT);
  };
  const steps = view("positions", Uint16Array);
  const Index = steps.length / 3 <= 65536 ? Uint16Array : Uint32Array;
  const { low, step } = header.grid;
  return {
    title: header.title,
    faceName: header.face,
    license: header.license,
    fps: header.fps,
    frames: header.frames,
    duration: header.frames / header.fps,
    channels: header.channels.length,
    joints: header.joints,
    lips: header.lips,
    lipGaps: header.lipGaps,
    focus: header.focus,
    vertices: steps.length / 3,
    template: Float32Array.from(steps, (v, i) => low[i % 3] + v * step),
    triangles: view("triangles", Index),
    shapes: {
      scales: header.shapeScales,
      starts: view("shapeStarts", Uint32Array),
      vertices: view("shapeVertices", Index),
      steps: view("shapeSteps", Int16Array),
    },
    jointWeights: Float32Array.from(view("jointWeights", Uint16Array), (w) => w / 65535),
    pivotShapes: view("pivotShapes", Float32Array),
    colors: view("colors", Uint8Array),
    openness: view("openness", Uint8Array),
    motion: view("motion", Float32Array),
    waveform: view("waveform", Int8Array),
    curves: header.curves.map((curve, i) => ({
      ...curve,
      values: view("curves", Float32Array).subarray(i * header.frames, (i + 1) * header.frames),
    })),
    sound: view("sound", Uint8Array),
  };
}
