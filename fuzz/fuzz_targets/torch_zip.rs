#![no_main]
//! A torch archive that is whole as a zip: its pickle is the input, with two storages beside it.

use std::io::{Cursor, Write};

use deeptalk_rt::files::TorchArchive;
use libfuzzer_sys::fuzz_target;
use zip::CompressionMethod::Stored;
use zip::write::SimpleFileOptions;

fuzz_target!(|pickle: &[u8]| {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(Stored);
    for (name, bytes) in
        [("a/data.pkl", pickle), ("a/data/0", &[1; 64]), ("a/data/1", &[2; 9]), ("a/version", b"3\n")]
    {
        zip.start_file(name, options).expect("a name");
        zip.write_all(bytes).expect("memory");
    }
    let file = zip.finish().expect("memory").into_inner();
    deeptalk_fuzz::with_file(&file, |path| {
        let Ok(archive) = TorchArchive::open(path) else { return };
        for name in archive.names().take(8) {
            if archive.shape(name).is_some_and(|shape| shape.iter().product::<usize>() <= 1 << 16) {
                archive.read_f32(name).expect("a listed tensor can be read");
            }
        }
    });
});
