//! Compiles the emulator, and the CUDA kernels as C++ with a hook at every memory access, into this crate and into a
//! stand-in `libcuda.so.1`. Only files whose text, headers or flags changed are compiled again.

use std::collections::hash_map::DefaultHasher;
use std::ffi::OsString;
use std::fs;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

/// The tests want every kernel once more for each block barrier of its file, with that barrier taken out
/// (`<kernel>_without_barrier_<number>`), and without these other waits: the file, the statement, and what the names are followed by.
const WITHOUT: [(&str, &str, &str); 9] = [
    (
        "matmul_sm90.cu",
        "if (i >= STAGES) dev::mbarrier_wait(empty + s, (i / STAGES - 1) & 1);",
        "_without_empty_wait",
    ),
    ("attention.cu", "meet();  // tile t is there for the group", "_without_tile_meeting"),
    (
        "attention.cu",
        "meet();  // the group has left this stage, which is filled next",
        "_without_stage_meeting",
    ),
    ("attention.cu", "__syncwarp();  // the results of all lanes are there", "_without_results_meeting"),
    ("matmul_sm90.cu", "dev::mbarrier_wait(full + s, (i / STAGES) & 1);", "_without_full_wait"),
    ("matmul_sm90.cu", "dev::wgmma_wait<1>();", "_without_product_wait"),
    ("transformer_stack.cu", "dev::cp_async_wait<STAGES - 2>();", "_without_weights_wait"),
    (
        "transformer_stack.cu",
        "__syncwarp();  // the copies of all lanes are there",
        "_without_weights_meeting",
    ),
    ("transformer_stack.cu", "__syncwarp();  // all lanes have read q", "_without_query_meeting"),
];
const BARRIER: &str = "__syncthreads();";

/// The compiler calls the hooks of `runtime/hooks.cpp`; no sanitizer library is linked.
const CHECKED: [&str; 2] =
    ["-O1", "-fsanitize=thread,alignment,bounds,shift,integer-divide-by-zero,signed-integer-overflow"];
/// A fixed level: without optimisation the emulation is several times slower.
const OPTIMISED: [&str; 1] = ["-O2"];

struct Unit {
    source: PathBuf,
    object: PathBuf,
    flags: Vec<OsString>,
    in_driver: bool,
}

fn main() {
    let here = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap());
    let out = PathBuf::from(std::env::var_os("OUT_DIR").unwrap());
    let kernels = here.join("../kernels").canonicalize().expect("the folder kernels beside emulator");
    let runtime = here.join("runtime");
    for folder in [&kernels, &runtime, &here.join("broken"), &here.join("counted"), &here.join("driver")] {
        println!("cargo:rerun-if-changed={}", folder.display());
    }
    println!("cargo:rerun-if-changed=build.rs");

    let mut common: Vec<OsString> =
        ["-std=c++17", "-g", "-fPIC", "-fvisibility=hidden", "-Wall", "-Wextra"].map(Into::into).into();
    common.extend(
        ["-Wno-unknown-pragmas", "-Wno-psabi", "-Wno-unused-function", "-Wno-unused-variable"]
            .map(Into::into),
    );
    for folder in [&runtime, &kernels] {
        common.push("-I".into());
        common.push(folder.into());
    }
    let mut units = Vec::new();
    let mut add = |source: PathBuf, name: String, extra: &[&str], in_driver: bool| {
        let mut flags = common.clone();
        flags.extend(extra.iter().map(OsString::from));
        units.push(Unit { source, object: out.join(format!("{name}.o")), flags, in_driver });
    };
    for source in sources(&runtime, "cpp") {
        add(source.clone(), format!("runtime-{}", stem(&source)), &OPTIMISED, true);
    }
    for source in sources(&kernels, "cu") {
        add(source.clone(), format!("kernel-{}", stem(&source)), &CHECKED, true);
    }
    for folder in ["broken", "counted"] {
        for source in sources(&here.join(folder), "cu") {
            add(source.clone(), format!("{folder}-{}", stem(&source)), &CHECKED, false);
        }
    }
    let mut twins = Vec::new();
    for source in sources(&kernels, "cu") {
        let barriers = fs::read_to_string(&source).unwrap().matches(BARRIER).count();
        twins.extend(
            (0..barriers)
                .map(|which| without(&source, BARRIER, which, &format!("_without_barrier_{which}"), &out)),
        );
    }
    twins.extend(
        WITHOUT
            .iter()
            .map(|(file, statement, suffix)| without(&kernels.join(file), statement, 0, suffix, &out)),
    );
    for source in twins {
        add(source.clone(), stem(&source), &CHECKED, false);
    }
    let driver = here.join("driver/libcuda.cpp");
    add(driver, "driver".into(), &OPTIMISED, true);

    let mut headers = DefaultHasher::new();
    for header in [sources(&runtime, "h"), sources(&kernels, "cuh")].concat() {
        fs::read(&header).unwrap().hash(&mut headers);
    }
    let compiler = cc::Build::new().cpp(true).get_compiler();
    compile_all(&units, compiler.path(), headers.finish());

    let mut archive = cc::Build::new();
    // The kernels register themselves from static constructors, so every object must be kept.
    archive.cpp(true).link_lib_modifier("+whole-archive");
    archive.objects(units.iter().map(|u| &u.object).filter(|o| stem(o) != "driver"));
    archive.compile("cuda_emulator_runtime");

    let folder = out.join("stand-in");
    fs::create_dir_all(&folder).unwrap();
    let linked = Command::new(compiler.path())
        .args(["-shared", "-Wl,-soname,libcuda.so.1", "-Wl,-Bsymbolic", "-o"])
        .arg(folder.join("libcuda.so.1"))
        .args(units.iter().filter(|u| u.in_driver).map(|u| &u.object))
        .arg("-ldl")
        .status()
        .expect("the linker runs");
    assert!(linked.success(), "libcuda.so.1 does not link");
    // Programs try this name first.
    fs::copy(folder.join("libcuda.so.1"), folder.join("libcuda.so")).unwrap();
    println!("cargo:rustc-env=STAND_IN_DRIVER_FOLDER={}", folder.display());
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap().to_string_lossy().into_owned()
}

fn sources(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap_or_else(|e| panic!("{}: {e}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == ending))
        .collect();
    found.sort();
    found
}

fn without(source: &Path, statement: &str, which: usize, suffix: &str, out: &Path) -> PathBuf {
    let text = fs::read_to_string(source).unwrap_or_else(|e| panic!("{}: {e}", source.display()));
    let (at, removed) = text
        .match_indices(statement)
        .nth(which)
        .unwrap_or_else(|| panic!("{} has no {statement} number {which}", source.display()));
    let twin = format!("{};{}", &text[..at], &text[at + removed.len()..])
        .replace("extern \"C\" __global__", "static __global__");
    let path = out.join(format!("{}{suffix}.cu", stem(source)));
    let named = format!("#define EMULATOR_KERNEL_SUFFIX \"{suffix}\"\n");
    fs::write(&path, format!("{named}#line 1 \"{}\"\n{twin}", source.display())).unwrap();
    path
}

fn compile_all(units: &[Unit], compiler: &Path, headers: u64) {
    let next = Mutex::new(units.iter());
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers.min(units.len()) {
            scope.spawn(|| {
                loop {
                    let Some(unit) = next.lock().unwrap().next() else { break };
                    compile(unit, compiler, headers);
                }
            });
        }
    });
}

fn compile(unit: &Unit, compiler: &Path, headers: u64) {
    let mut hasher = DefaultHasher::new();
    (headers, compiler, &unit.flags, fs::read(&unit.source).unwrap()).hash(&mut hasher);
    let stamp = unit.object.with_extension("stamp");
    let now = format!("{:016x}", hasher.finish());
    if unit.object.exists() && fs::read_to_string(&stamp).is_ok_and(|then| then == now) {
        return;
    }
    let output = Command::new(compiler)
        .args(&unit.flags)
        .args(["-x", "c++", "-c"])
        .arg(&unit.source)
        .arg("-o")
        .arg(&unit.object)
        .output()
        .unwrap_or_else(|e| panic!("cannot run {}: {e}", compiler.display()));
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{} does not compile for the emulator:\n{log}", unit.source.display());
    for line in log.lines().filter(|line| line.contains("warning:")) {
        println!("cargo:warning={line}");
    }
    fs::write(stamp, now).unwrap();
}
