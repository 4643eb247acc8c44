/** Connects the page's parts: buttons, keys, clock. */
(function main() {
  const $ = (id) => document.getElementById(id);
  const scene = readScene();
  const rig = new Rig(scene);
  const canvas = $("face");
  let stage = null;
  let stale = true;
  let posed = -1;
  let asked = false;

  /** Draws at the next animation frame; nothing is drawn while nothing changes. */
  const wake = () => {
    stale = true;
    if (asked) return;
    asked = true;
    requestAnimationFrame(frame);
  };

  const clock = new Clock(scene, $("sound"), () => {
    document.body.classList.toggle("playing", clock.playing);
    $("play").setAttribute("aria-label", clock.playing ? "Pause" : "Play");
    document.body.classList.toggle("muted", !clock.audio || clock.audio.muted);
    $("mute").disabled = !clock.audio;
    wake();
  });
  const orbit = new Orbit(canvas, scene.focus, wake, () => begin(() => clock.toggle()));
  let resume = false;
  const timeline = new Timeline($("curves"), $("labels"), scene, (what, seconds) => {
    if (what === "start") {
      resume = clock.playing;
      if (resume) clock.pause();
    }
    if (what !== "hover") begin(() => clock.seek(seconds));
    if (what === "end" && resume && seconds < scene.duration) clock.play();
    wake();
  });

  try {
    stage = new Stage(canvas, scene);
    canvas.addEventListener("webglcontextlost", (event) => event.preventDefault());
    canvas.addEventListener("webglcontextrestored", () => {
      stage.restore();
      wake();
    });
  } catch (error) {
    $("trouble").textContent = `The face cannot be drawn: ${error.message}. Sound and curves still work.`;
    $("trouble").hidden = false;
  }

  let before = performance.now();
  function frame(now) {
    asked = false;
    const passed = Math.min((now - before) / 1000, 0.1);
    before = now;
    const seconds = clock.tick(now);
    const gliding = orbit.step(passed);
    const resized = (stage && stage.resize()) | timeline.resize();
    if (stale || gliding || resized || clock.playing) {
      stale = false;
      if (seconds !== posed) rig.pose((posed = seconds));
      if (stage) stage.draw(rig, orbit);
      timeline.draw(seconds);
      tell(seconds);
    }
    if (clock.playing || gliding) wake();
  }

  const slider = $("curves");
  function tell(seconds) {
    $("now").textContent = stamp(seconds, 2);
    $("frame").textContent = Math.min(Math.floor(seconds * scene.fps + 1e-6), scene.frames - 1) + 1;
    slider.setAttribute("aria-valuenow", seconds.toFixed(2));
    slider.setAttribute("aria-valuetext", `${seconds.toFixed(1)} of ${scene.duration.toFixed(1)} seconds`);
  }

  /** The first action of a visitor removes the big button. */
  function begin(action) {
    document.body.classList.add("begun");
    action();
  }

  const speeds = [...document.querySelectorAll("#speeds button")];
  function speed(index) {
    speeds.forEach((button, i) => button.setAttribute("aria-pressed", String(i === index)));
    clock.setRate(Number(speeds[index].dataset.rate));
  }

  const views = { front: [0, 0.02], half: [0.62, 0.05], side: [Math.PI / 2, 0.02] };
  const act = {
    play: () => begin(() => clock.toggle()),
    start: () => clock.seek(0),
    loop: () => {
      clock.loop = !clock.loop;
      $("loop").setAttribute("aria-pressed", String(clock.loop));
    },
    mute: () => clock.audio && clock.setMuted(!clock.audio.muted),
    full: () => {
      if (document.fullscreenElement) document.exitFullscreen();
      else document.documentElement.requestFullscreen().catch(() => {});
    },
    help: () => ($("about").open ? $("about").close() : $("about").showModal()),
  };
  for (const [id, action] of Object.entries(act)) $(id).addEventListener("click", action);
  $("big").addEventListener("click", act.play);
  speeds.forEach((button, i) => button.addEventListener("click", () => speed(i)));
  for (const button of document.querySelectorAll("#views button"))
    button.addEventListener("click", () => orbit.look(...views[button.dataset.view]));
  if (!document.documentElement.requestFullscreen) $("full").hidden = true;
  $("about").addEventListener("click", (event) => event.target === $("about") && $("about").close());
  // A clicked button must not keep the space bar; this runs first, so that a closing dialog does not return the focus to it.
  const release = (event) => {
    const button = event.detail > 0 && event.target.closest("button");
    if (button) button.blur();
  };
  document.addEventListener("click", release, true);

  /** Goes one frame forward (1) or back (-1), exactly to its time. */
  const hop = (way) => () => {
    if (clock.playing) clock.pause();
    const at = clock.at * scene.fps;
    begin(() => clock.seek((way > 0 ? Math.floor(at + 1e-3) + 1 : Math.ceil(at - 1e-3) - 1) / scene.fps));
  };
  const keys = {
    " ": act.play, k: act.play, l: act.loop, m: act.mute, f: act.full, "?": act.help,
    Home: act.start, End: () => clock.seek(scene.duration),
    ArrowRight: hop(1), ArrowLeft: hop(-1),
    "1": () => speed(0), "2": () => speed(1), "3": () => speed(2),
    r: () => orbit.look(0.3, 0.03),
    "+": () => orbit.zoom(1.15), "=": () => orbit.zoom(1.15), "-": () => orbit.zoom(1 / 1.15),
    a: () => orbit.turn(-0.15, 0), d: () => orbit.turn(0.15, 0), w: () => orbit.turn(0, 0.12), s: () => orbit.turn(0, -0.12),
  };
  const shifted = { ArrowRight: () => clock.seek(clock.at + 1), ArrowLeft: () => clock.seek(clock.at - 1) };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const pressesButton = event.target.closest("button") && (event.key === " " || event.key === "Enter");
    const action = (event.shiftKey && shifted[event.key]) || keys[event.key] || keys[event.key.toLowerCase()];
    if (!action || pressesButton) return;
    event.preventDefault();
    action();
  });

  $("end").textContent = stamp(scene.duration, 2);
  $("frames").textContent = scene.frames;
  $("facts").textContent = `${scene.duration.toFixed(1)} s · ${scene.fps} frames/s · ${scene.faceName}`;
  $("license").textContent = `The face "${scene.faceName}" may be used under: ${scene.license}`;
  slider.setAttribute("aria-valuemax", scene.duration.toFixed(2));
  new ResizeObserver(wake).observe(document.body);
  speed(speeds.findIndex((button) => button.dataset.rate === "1"));
  document.body.classList.add("ready");
})();
