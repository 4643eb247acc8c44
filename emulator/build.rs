//! Compiles the emulator, and the CUDA kernels as C++ with a hook at every memory access, into this crate and
//! into a stand-in `libcuda.so.1`. Only files whose text, headers or flags changed are compiled again.

use std::collections::hash_map::DefaultHasher;
use std::ffi::OsString;
use std::fs;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

/// The mark of a barrier or a wait in a kernel file: `SYNC_POINT(name, statement)`. Every file is compiled
/// once more for each of its marks, without that statement; the tests launch these variants
/// (`<kernel>_without_<name>`) and require a report.
const MARK: &str = "SYNC_POINT(";
/// A block barrier, which must be inside a mark.
const BARRIER: &str = "__syncthreads()";

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
    let mut points = Vec::new();
    for source in sources(&kernels, "cu") {
        for name in sync_points(&source) {
            let twin = without(&source, &name, &out);
            add(twin.clone(), stem(&twin), &CHECKED, false);
            points.push((source.file_name().unwrap().to_string_lossy().into_owned(), name));
        }
    }
    let table = format!(
        "/// The file and the name of every mark.\nconst SYNC_POINTS: &[(&str, &str)] = &{points:?};\n"
    );
    fs::write(out.join("sync_points.rs"), table).unwrap();
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
        .arg(folder.join("new"))
        .args(units.iter().filter(|u| u.in_driver).map(|u| &u.object))
        .arg("-ldl")
        .status()
        .expect("the linker runs");
    assert!(linked.success(), "libcuda.so.1 does not link");
    // By rename, and `libcuda.so`, which programs try first, as a copy of its own: a test that still runs keeps the library that it
    // has mapped.
    fs::rename(folder.join("new"), folder.join("libcuda.so.1")).unwrap();
    fs::copy(folder.join("libcuda.so.1"), folder.join("new")).unwrap();
    fs::rename(folder.join("new"), folder.join("libcuda.so")).unwrap();
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

/// The names of a file's marks, in order.
fn sync_points(source: &Path) -> Vec<String> {
    let text = fs::read_to_string(source).unwrap();
    let mut names: Vec<String> = Vec::new();
    for (at, mark) in text.match_indices(MARK) {
        let name = text[at + mark.len()..].split(',').next().unwrap().trim();
        assert!(
            !names.iter().any(|other| other == name),
            "{}: two marks are called {name}",
            source.display()
        );
        names.push(name.into());
    }
    let marked = text.lines().filter(|line| line.contains(BARRIER) && line.contains(MARK)).count();
    let barriers = text.matches(BARRIER).count();
    assert_eq!(marked, barriers, "{}: a {BARRIER} is not in a {MARK}name, ..) of its line", source.display());
    names
}

/// The text of a kernel file without one synchronisation point; its kernels get other names.
fn without(source: &Path, name: &str, out: &Path) -> PathBuf {
    let text = fs::read_to_string(source).unwrap();
    // Static: the linker must not see two functions of one name.
    let twin = text.replace("extern \"C\" __global__", "static __global__");
    let path = out.join(format!("{}_without_{name}.cu", stem(source)));
    let settings = format!("#define EMULATOR_WITHOUT \"{name}\"\n");
    fs::write(&path, format!("{settings}#line 1 \"{}\"\n{twin}", source.display())).unwrap();
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
