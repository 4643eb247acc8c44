const SHADOW_VERTEX = `
layout(location = 0) in vec3 position;
uniform mat4 light;
void main() { gl_Position = light * vec4(position, 1.0); }`;

const SHADOW_FRAGMENT = `
precision mediump float;
void main() {}`;

const BACKDROP_VERTEX = `
void main() {
  vec2 corner = vec2(gl_VertexID == 1 ? 3.0 : -1.0, gl_VertexID == 2 ? 3.0 : -1.0);
  gl_Position = vec4(corner, 0.999, 1.0);
}`;

/* A light behind the head that fades to the corners; noise of half a code hides banding. */
const BACKDROP_FRAGMENT = `
precision highp float;
uniform vec2 size;
out vec4 color;
void main() {
  vec2 p = (gl_FragCoord.xy - size * vec2(0.5, 0.56)) / size.y;
  float glow = exp(-dot(p, p) * 2.6);
  vec3 c = mix(vec3(0.045, 0.050, 0.061), vec3(0.205, 0.222, 0.252), glow);
  float edge = dot(p * vec2(0.62, 0.9), p * vec2(0.62, 0.9));
  c *= 1.0 - 0.3 * smoothstep(0.1, 0.55, edge);
  float noise = fract(sin(dot(gl_FragCoord.xy, vec2(12.9898, 78.233))) * 43758.5453) - 0.5;
  color = vec4(c + noise / 255.0, 1.0);
}`;

/* Between centres of samples (centroid), so that a sliver at an edge is not shaded from beyond its border. */
const FACE_VERTEX = `
layout(location = 0) in vec3 position;
layout(location = 1) in vec3 normal;
layout(location = 2) in vec4 paint;
layout(location = 3) in vec2 openness;
uniform mat4 matrix;
uniform mat4 light;
uniform vec3 key;
uniform float open;
centroid out vec3 world;
centroid out vec3 facing;
centroid out vec4 surface;
centroid out vec3 shade;
centroid out float sky;
void main() {
  gl_Position = matrix * vec4(position, 1.0);
  world = position;
  facing = normal;
  surface = vec4(pow(paint.rgb, vec3(2.2)), paint.a);
  /* The inside of an open mouth gets more light than physics gives, so that teeth are visible. */
  float uncovered = openness.y - openness.x;
  sky = min(openness.x + open * uncovered * (1.0 + 4.0 * max(uncovered, 0.0) * (1.0 - openness.y) / (openness.y + 0.05)), 1.0);
  /* The bias grows with the slope of the surface, so that it does not shadow itself. */
  float slope = 1.0 - clamp(dot(normal, key), 0.0, 1.0);
  shade = (light * vec4(position + normal * (0.001 + 0.005 * slope), 1.0)).xyz * 0.5 + 0.5;
}`;

const FACE_FRAGMENT = `
precision highp float;
precision highp sampler2DShadow;
centroid in vec3 world;
centroid in vec3 facing;
centroid in vec4 surface;
centroid in vec3 shade;
centroid in float sky;
uniform vec3 eye;
uniform vec3 key;
uniform vec2 fade;
uniform sampler2DShadow shadow;
out vec4 color;

/* Subsurface scattering: light in skin reaches beyond the terminator, red the farthest. */
vec3 wrapped(float cosine, vec3 spread) { return max(vec3(0.0), (cosine + spread) / ((1.0 + spread) * (1.0 + spread))); }

float ggx(vec3 n, vec3 v, vec3 l, float roughness) {
  vec3 h = normalize(v + l);
  float a = roughness * roughness;
  float nh = max(dot(n, h), 0.0);
  float d = a / (nh * nh * (a * a - 1.0) + 1.0);
  float lh = max(dot(l, h), 0.1);
  return d * d / (12.566 * lh * lh * (roughness + 0.5)) * max(dot(n, l), 0.0);
}

float lit(vec3 at) {
  const vec2 ring[12] = vec2[12](
    vec2(-0.33, -0.41), vec2(-0.84, -0.07), vec2(-0.70, 0.46), vec2(-0.20, 0.62), vec2(0.96, -0.19), vec2(0.47, -0.48),
    vec2(0.52, 0.77), vec2(0.19, -0.89), vec2(0.51, 0.06), vec2(0.90, 0.41), vec2(-0.32, -0.93), vec2(-0.79, -0.60));
  float turn = 6.2832 * fract(52.9829 * fract(dot(gl_FragCoord.xy, vec2(0.06711, 0.00584))));
  mat2 spin = mat2(cos(turn), sin(turn), -sin(turn), cos(turn));
  float sum = 0.0;
  for (int i = 0; i < 12; i++) sum += texture(shadow, vec3(at.xy + spin * ring[i] * 0.0065, at.z - 0.003));
  return sum / 12.0;
}

/* The reflected environment: a dark room, a soft box over the key light, a strip on the other side. */
vec3 room(vec3 r, float roughness) {
  float soft = 0.04 + roughness * 0.5;
  float box = smoothstep(0.90 - soft, 0.90 + soft, dot(r, key));
  float strip = smoothstep(0.93 - soft, 0.93 + soft, dot(r, normalize(vec3(0.85, 0.15, 0.35))));
  vec3 air = mix(vec3(0.05, 0.045, 0.045), vec3(0.34, 0.37, 0.42), smoothstep(-0.6, 0.9, r.y));
  return air + vec3(1.0, 0.96, 0.9) * box * 2.4 * (1.0 - 0.6 * roughness) + vec3(0.6, 0.75, 1.0) * strip * 0.5;
}

void main() {
  vec3 n = normalize(facing);
  vec3 v = normalize(eye - world);
  /* A thin triangle that a shape has flipped keeps the normal of its neighbours. */
  if (!gl_FrontFacing && dot(n, v) < 0.0) n = -n;
  vec3 albedo = surface.rgb;
  float gloss = surface.a;
  float roughness = mix(0.72, 0.10, sqrt(gloss) * gloss + 0.25 * gloss * (1.0 - gloss));
  float flesh = clamp((albedo.r - albedo.b) * 3.0, 0.0, 1.0) * smoothstep(0.05, 0.3, albedo.r);
  vec3 spread = mix(vec3(0.05), vec3(0.30, 0.15, 0.10), flesh);
  float open = sky * (0.35 + 0.65 * sky);
  /* Occluded skin gets light reflected from skin: it turns red before it turns dark. */
  vec3 dim = mix(vec3(open), pow(vec3(open), vec3(0.72, 0.95, 1.0)), flesh);

  float shine = lit(shade);
  vec3 fillLight = normalize(vec3(0.80, 0.05, 0.62));
  vec3 rimLeft = normalize(vec3(0.86, 0.36, -0.62));
  vec3 rimRight = normalize(vec3(-0.92, 0.30, -0.55));
  vec3 keyColor = vec3(1.0, 0.94, 0.86) * 1.75;
  vec3 fillColor = vec3(0.66, 0.78, 0.98) * 0.42;
  vec3 rimColor = vec3(0.74, 0.86, 1.0) * 1.1;
  vec3 warmColor = vec3(1.0, 0.84, 0.70) * 0.7;

  vec3 shadowTint = mix(vec3(shine), vec3(sqrt(shine), shine, shine), flesh * 0.35);
  vec3 light = keyColor * wrapped(dot(n, key), spread) * shadowTint * mix(0.45, 1.0, open);
  light += fillColor * wrapped(dot(n, fillLight), spread) * dim;
  light += rimColor * wrapped(dot(n, rimLeft), spread * 0.5) * dim;
  light += warmColor * wrapped(dot(n, rimRight), spread * 0.5) * dim;
  vec3 ground = vec3(0.19, 0.15, 0.135), above = vec3(0.36, 0.39, 0.45);
  light += mix(ground, above, 0.5 + 0.5 * n.y) * 0.92 * dim;

  float facingView = max(dot(n, v), 0.0);
  float fresnel = 0.04 + 0.96 * pow(1.0 - facingView, 5.0) * (1.0 - roughness * 0.75);
  vec3 gleam = keyColor * ggx(n, v, key, roughness) * shine;
  gleam += rimColor * 0.5 * ggx(n, v, rimLeft, max(roughness, 0.35)) * open;
  gleam += warmColor * 0.5 * ggx(n, v, rimRight, max(roughness, 0.35)) * open;
  vec3 mirrored = room(reflect(-v, n), roughness) * fresnel * open * mix(0.55, 1.6, gloss);

  vec3 c = albedo * light + gleam * mix(0.16, 0.4, gloss) + mirrored;
  /* Only highlights are compressed: mid tones keep their colour. */
  c = mix(c, 0.55 + 0.45 * (1.0 - exp((0.55 - c) / 0.45)), step(0.55, c));
  /* The cut edge of neck or chest fades into the background. */
  color = vec4(pow(max(c, 0.0), vec3(1.0 / 2.2)), smoothstep(fade.x, fade.y, world.y));
}`;
