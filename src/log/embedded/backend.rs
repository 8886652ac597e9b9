//! The file as redb is given it: a change of its length is durable before anything that relies on it is written.
//!
//! redb changes the length and the header that speaks of it under one fsync, so after a loss of power the header can be there and the length not; it then
//! refuses to open a file in which nothing is missing. The file grows rarely, in large steps, so the extra fsync costs nothing.

use std::io;

use redb::StorageBackend;

#[derive(Debug)]
pub(super) struct SyncedLength<B>(pub(super) B);

impl<B: StorageBackend> StorageBackend for SyncedLength<B> {
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.read(offset, out)
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.0.set_len(length)?;
        self.0.sync_data()
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.write(offset, data)
    }

    fn close(&self) -> io::Result<()> {
        self.0.close()
    }
}
