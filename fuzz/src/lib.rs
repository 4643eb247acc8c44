//! Helpers that the fuzz targets share.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use deeptalk_rt::animation::{EmotionVector, NamedEmotions};

/// The file of this process, in memory where the system has such a folder.
static FILE: LazyLock<PathBuf> = LazyLock::new(|| {
    let memory = Path::new("/dev/shm");
    let folder = if memory.is_dir() { memory.to_path_buf() } else { std::env::temp_dir() };
    folder.join(format!("deeptalk-fuzz-{}", std::process::id()))
});

/// Calls `read` with a file of these bytes, for readers that take a path.
pub fn with_file<T>(bytes: &[u8], read: impl FnOnce(&Path) -> T) -> T {
    std::fs::write(&*FILE, bytes).expect("a folder for temporary files that can be written");
    let result = read(&FILE);
    std::fs::remove_file(&*FILE).expect("the file that was written above");
    result
}

/// Eight moods of two numbers each.
pub static MOODS: LazyLock<NamedEmotions> = LazyLock::new(|| {
    let mut moods = NamedEmotions::default();
    for (index, name) in
        ["neutral", "happy", "sad", "angry", "a", "b-2", "c_3", "contempt"].iter().enumerate()
    {
        let vector = EmotionVector::set(&[1.0, index as f32]).expect("a direction");
        moods.insert(name, vector).expect("a name");
    }
    moods
});
