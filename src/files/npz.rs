//! NumPy's `.npz`: a zip of arrays, for `numpy.load(path, allow_pickle=False)`.
//!
//! The entries are stored, not deflated, as `numpy.savez` does: floats of motion shrink by a tenth at best,
//! and stored arrays are written at the speed of the disk and can be read in place.

use std::collections::HashMap;
use std::io::{self, Cursor, Read, Write};
use std::mem::ManuallyDrop;

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipArchive, ZipWriter};

use super::AtomicFile;
use super::npy::{write_f32, write_header, write_i32};

/// An archive being written. After an error it is not dropped: dropping would write the archive's directory
/// into a file that is about to be deleted, and print an error on stderr if the disk is full.
pub(crate) struct NpzWriter<'a> {
    zip: ManuallyDrop<ZipWriter<&'a mut AtomicFile>>,
}

impl<'a> NpzWriter<'a> {
    /// An archive without arrays.
    pub(crate) fn new(file: &'a mut AtomicFile) -> Self {
        Self { zip: ManuallyDrop::new(ZipWriter::new(file)) }
    }

    /// Writes the directory of the archive.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        self.zip.flush()?;
        ManuallyDrop::into_inner(self.zip).finish()?;
        Ok(())
    }

    /// Begins an array of f32, whose values [`append_f32`](Self::append_f32) writes.
    pub(crate) fn begin_f32(&mut self, name: &str, shape: &[usize]) -> io::Result<()> {
        self.begin(name, "<f4", shape, 4 * shape.iter().map(|&axis| axis as u64).product::<u64>())
    }

    /// Writes some more values of the array that was begun last.
    pub(crate) fn append_f32(&mut self, values: &[f32]) -> io::Result<()> {
        write_f32(&mut *self.zip, values)
    }

    /// Writes an array of f32.
    pub(crate) fn f32(&mut self, name: &str, shape: &[usize], values: &[f32]) -> io::Result<()> {
        self.begin_f32(name, shape)?;
        self.append_f32(values)
    }

    /// Writes an array of i32.
    pub(crate) fn i32(&mut self, name: &str, shape: &[usize], values: &[i32]) -> io::Result<()> {
        self.begin(name, "<i4", shape, 4 * values.len() as u64)?;
        write_i32(&mut *self.zip, values)
    }

    /// Writes an array of texts: UTF-32, padded with zeros to the longest.
    pub(crate) fn text(&mut self, name: &str, texts: &[String]) -> io::Result<()> {
        let width = texts.iter().map(|text| text.chars().count()).max().unwrap_or(0).max(1);
        let bytes = 4 * (width * texts.len()) as u64;
        self.begin(name, &format!("<U{width}"), &[texts.len()], bytes)?;
        for text in texts {
            let points = text.chars().map(u32::from).chain(std::iter::repeat(0)).take(width);
            let bytes: Vec<u8> = points.flat_map(u32::to_le_bytes).collect();
            self.zip.write_all(&bytes)?;
        }
        Ok(())
    }

    /// Begins an entry and writes the header of its array, of `bytes` bytes without the header.
    fn begin(&mut self, name: &str, descr: &str, shape: &[usize], bytes: u64) -> io::Result<()> {
        // The sizes stand before the entry, so it must be known beforehand if they need eight bytes. The date
        // is fixed, so that the same arrays give the same file.
        let entry = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Stored)
            .last_modified_time(DateTime::default())
            .large_file(bytes > u64::from(u32::MAX) - 1_024);
        self.zip.start_file(format!("{name}.npy"), entry)?;
        write_header(&mut *self.zip, descr, shape)
    }
}

/// Unpacks the arrays with these names, as `.npy` files; names that the archive lacks are left out.
///
/// # Errors
/// A description of the damage, or of an archive whose arrays have more than `most` bytes together.
pub(crate) fn read(bytes: &[u8], names: &[&str], most: u64) -> Result<HashMap<String, Vec<u8>>, String> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|error| error.to_string())?;
    let mut entries = HashMap::new();
    let mut room = most;
    for name in names {
        let Ok(entry) = archive.by_name(&format!("{name}.npy")) else { continue };
        let mut data = Vec::new();
        entry.take(room + 1).read_to_end(&mut data).map_err(|error| error.to_string())?;
        let rest = room.checked_sub(data.len() as u64);
        room = rest.ok_or_else(|| format!("an npz that unpacks to more than {} MiB", most >> 20))?;
        entries.insert((*name).to_owned(), data);
    }
    Ok(entries)
}
