//! Compiles every `kernels/*.cu` into one image with machine code for several GPU generations and PTX for
//! later ones, and embeds the images. Without nvcc the crate is built for the CPU only, with one warning.
//!
//! nvcc is searched for in `NVCC` (`none`: do not search), `CUDA_HOME`, `CUDA_PATH`, `PATH`,
//! `/usr/local/cuda` and the folder of `tools/get-nvcc`. With `DEEPTALK_REQUIRE_CUDA=1` a missing nvcc is an
//! error.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

/// Compute capabilities for which machine code is generated, if nvcc supports them; the code also runs on
/// later minor versions of the same generation.
const GENERATIONS: [&str; 4] = ["80", "90a", "100", "120"];
/// Suffix of the names of files whose instructions exist on one generation only, and that generation.
const ONE_GENERATION: (&str, &str) = ("_sm90", "90a");
/// Compute capability of the PTX that later GPUs compile when the program starts.
const PTX: &str = "80";

fn main() {
    for variable in ["NVCC", "CUDA_HOME", "CUDA_PATH", "PATH", "DEEPTALK_REQUIRE_CUDA"] {
        println!("cargo:rerun-if-env-changed={variable}");
    }
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=kernels");
    name_the_commit();
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap());
    let here = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap());

    let Some(nvcc) = find_nvcc(&here) else {
        let what = "nvcc was not found: the GPU kernels are left out and the program runs on the CPU alone \
                    (install CUDA, set NVCC, or run tools/get-nvcc)";
        assert!(env::var_os("DEEPTALK_REQUIRE_CUDA").is_none_or(|v| v.is_empty() || v == "0"), "{what}");
        if env::var_os("NVCC").is_none_or(|v| v != "none") {
            println!("cargo:warning={what}");
        }
        fs::write(out.join("kernel_images.rs"), "static IMAGES: &[(&str, &[u8])] = &[];\n").unwrap();
        println!("cargo:rustc-env=DEEPTALK_KERNEL_RESOURCES=");
        return;
    };

    let known = run(Command::new(&nvcc).arg("--list-gpu-code"));
    let known: Vec<&str> = known.lines().map(str::trim).collect();
    let generations: Vec<&str> = GENERATIONS
        .into_iter()
        .filter(|g| known.contains(&format!("sm_{}", g.trim_end_matches('a')).as_str()))
        .collect();
    let version = run(Command::new(&nvcc).arg("--version"));
    let version =
        version.lines().find_map(|line| line.split(", V").nth(1)).unwrap_or("unknown").trim().to_string();

    let mut common = DefaultHasher::new();
    (&nvcc, &version, fs::read(here.join("build.rs")).unwrap()).hash(&mut common);
    for header in files(&here.join("kernels"), "cuh") {
        fs::read(header).unwrap().hash(&mut common);
    }
    let mut images = String::from("static IMAGES: &[(&str, &[u8])] = &[\n");
    let mut resources = Vec::new();
    for source in &files(&here.join("kernels"), "cu") {
        let name = source.file_stem().unwrap().to_str().expect("a kernel file has a plain name");
        let image = out.join(format!("{name}.fatbin"));
        let log = compile(&nvcc, source, &image, &generations, common.finish());
        resources.extend(resources_of(name, &log));
        images += &format!("    ({name:?}, include_bytes!({image:?})),\n");
    }
    fs::write(out.join("kernel_images.rs"), images + "];\n").unwrap();

    resources.sort();
    let table = out.join("resources.txt");
    let head = format!(
        "# nvcc {version}\n# kernel, GPU generation, registers a thread, static shared memory in bytes\n"
    );
    fs::write(&table, head + &resources.join("\n") + "\n").unwrap();
    println!("cargo:rustc-env=DEEPTALK_KERNEL_RESOURCES={}", table.display());
}

fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap_or_else(|e| panic!("{}: {e}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == ending))
        .collect();
    found.sort();
    found
}

fn find_nvcc(here: &Path) -> Option<PathBuf> {
    if let Some(path) = env::var_os("NVCC").filter(|v| !v.is_empty()) {
        if path == "none" {
            return None;
        }
        let path = PathBuf::from(path);
        assert!(path.is_file(), "NVCC is set to {}, which is no file", path.display());
        return Some(path);
    }
    let mut places: Vec<PathBuf> = ["CUDA_HOME", "CUDA_PATH"]
        .iter()
        .filter_map(env::var_os)
        .map(|root| PathBuf::from(root).join("bin/nvcc"))
        .collect();
    places
        .extend(env::split_paths(&env::var_os("PATH").unwrap_or_default()).map(|folder| folder.join("nvcc")));
    places.push("/usr/local/cuda/bin/nvcc".into());
    places.push(here.join("target/nvcc/nvidia/cu13/bin/nvcc"));
    places.into_iter().find(|path| path.is_file())
}

/// Writes the image unless it is up to date; returns the output of ptxas.
fn compile(nvcc: &Path, source: &Path, image: &Path, generations: &[&str], common: u64) -> String {
    let mut hasher = DefaultHasher::new();
    (common, generations, fs::read(source).unwrap()).hash(&mut hasher);
    let stamp = format!("{:016x}", hasher.finish());
    let (stamp_file, log_file) = (image.with_extension("stamp"), image.with_extension("log"));
    if image.exists() && fs::read_to_string(&stamp_file).is_ok_and(|then| then == stamp) {
        return fs::read_to_string(log_file).unwrap();
    }
    let mut command = Command::new(nvcc);
    command.args([
        "-std=c++17",
        "-O3",
        "-fatbin",
        "--threads",
        "0",
        "-Xptxas",
        "-v",
        "-Xfatbin",
        "-compress-all",
    ]);
    let one_generation = source.file_stem().unwrap().to_string_lossy().ends_with(ONE_GENERATION.0);
    for generation in generations.iter().filter(|g| !one_generation || **g == ONE_GENERATION.1) {
        command.args(["-gencode", &format!("arch=compute_{generation},code=sm_{generation}")]);
    }
    if !one_generation {
        command.args(["-gencode", &format!("arch=compute_{PTX},code=compute_{PTX}")]);
    }
    let log = run(command.arg("-o").arg(image).arg(source));
    fs::write(log_file, &log).unwrap();
    fs::write(stamp_file, stamp).unwrap();
    log
}

/// One line for every kernel and GPU generation. A kernel that spills registers is an error.
fn resources_of(file: &str, log: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let (mut kernel, mut generation) = ("", "");
    for line in log.lines() {
        if let Some(rest) = line.split("Compiling entry function '").nth(1) {
            let mut words = rest.split('\'');
            kernel = words.next().unwrap_or("");
            generation = words.nth(1).unwrap_or("");
        } else if line.contains("bytes spill stores") {
            assert!(
                line.contains(" 0 bytes spill stores, 0 bytes spill loads"),
                "{file}.cu: {kernel} spills registers on {generation}: {}",
                line.trim()
            );
        } else if let Some(used) = line.split("Used ").nth(1) {
            let registers = used.split(' ').next().unwrap_or("?");
            let shared = used.split(", ").find_map(|part| part.strip_suffix(" bytes smem")).unwrap_or("0");
            lines.push(format!("{kernel} {generation} {registers} {shared}"));
        }
    }
    lines
}

/// Passes the commit to a release build from a clone; other builds would be repeated at every commit for it.
fn name_the_commit() {
    let git = |words: &[&str]| {
        let output =
            Command::new("git").args(words).output().ok().filter(|output| output.status.success())?;
        String::from_utf8(output.stdout).ok().map(|text| text.trim().to_string())
    };
    if env::var("PROFILE").as_deref() != Ok("release") {
        return;
    }
    if let (Some(commit), Some(log)) =
        (git(&["rev-parse", "HEAD"]), git(&["rev-parse", "--git-path", "logs/HEAD"]))
    {
        println!("cargo:rerun-if-changed={log}");
        println!("cargo:rustc-env=DEEPTALK_COMMIT={commit}");
    }
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|e| panic!("cannot run {command:?}: {e}"));
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    assert!(output.status.success(), "{command:?} failed:\n{text}");
    text
}
