//! What a layer says of one blob, in few bytes: there are as many of these in memory as blobs came since a checkpoint.
//!
//! The first byte says whether the row of the blob changed: 0 no, 1 it is gone, 2 it follows. Behind it come the members
//! that changed: the number of the namespace, 0 for one that is gone or 1, and the row.

use crate::rows::{BlobRow, MemberRow, Reader, Writer};

/// As many bytes fit without a place of their own.
const SHORT_BYTES: usize = 62;

/// Changes of one blob.
#[derive(Debug)]
pub(crate) enum Kept {
    Short { len: u8, bytes: [u8; SHORT_BYTES] },
    Long(Box<[u8]>),
}

/// Members that changed.
pub(crate) struct Members<'a>(Reader<'a>);

/// A member that changed; `None` for one that is gone.
pub(crate) type Changed = (u16, Option<MemberRow>);

/// A row, and how it is written.
pub(crate) type Written<'a, R> = (R, &'a [u8]);

impl Kept {
    /// Keeps changes, written by way of `scratch`.
    pub(super) fn of(
        scratch: &mut Writer,
        blob: Option<Option<BlobRow>>,
        members: &[Changed],
    ) -> Self {
        scratch.0.clear();
        match blob {
            None => scratch.byte(0),
            Some(None) => scratch.byte(1),
            Some(Some(row)) => {
                scratch.byte(2);
                row.write(scratch);
            }
        }
        for (namespace, member) in members {
            scratch.u64(u64::from(*namespace));
            scratch.byte(u8::from(member.is_some()));
            if let Some(row) = member {
                row.write(scratch);
            }
        }
        let written = &scratch.0[..];
        match u8::try_from(written.len()) {
            Ok(len) if written.len() <= SHORT_BYTES => {
                let mut bytes = [0; SHORT_BYTES];
                bytes[..written.len()].copy_from_slice(written);
                Self::Short { len, bytes }
            }
            _ => Self::Long(written.into()),
        }
    }

    fn bytes(&self) -> &[u8] {
        match self {
            Self::Short { len, bytes } => &bytes[..usize::from(*len)],
            Self::Long(bytes) => bytes,
        }
    }

    /// Returns what changed of the blob's row; `Some(None)` when it is gone.
    pub(crate) fn blob(&self) -> Option<Option<BlobRow>> {
        self.parts().0
    }

    /// Returns what changed of the members.
    pub(crate) fn members(&self) -> Members<'_> {
        self.parts().1
    }

    /// Returns what changed of one member.
    pub(crate) fn member(&self, namespace: u16) -> Option<Option<MemberRow>> {
        let mut members = self.members();
        members.find_map(|(of, row)| (of == namespace).then_some(row))
    }

    /// Returns both.
    pub(crate) fn parts(&self) -> (Option<Option<BlobRow>>, Members<'_>) {
        let (blob, members) = self.written();
        (blob.map(|blob| blob.map(|(row, _)| row)), members)
    }

    /// Returns both, the blob's row with how it is written.
    pub(crate) fn written(&self) -> (Option<Option<Written<'_, BlobRow>>>, Members<'_>) {
        let mut fields = Reader(self.bytes());
        let blob = match fields.byte() {
            Some(2) => Some(Some(read(&mut fields, BlobRow::read))),
            Some(1) => Some(None),
            Some(_) | None => None,
        };
        (blob, Members(fields))
    }
}

/// Reads a row, and notes how it is written.
fn read<'a, R>(
    fields: &mut Reader<'a>,
    read: impl FnOnce(&mut Reader<'a>) -> Option<R>,
) -> Written<'a, R> {
    let before = fields.0;
    let row = read(fields).expect("it was written by `of`");
    (row, &before[..before.len() - fields.0.len()])
}

impl<'a> Members<'a> {
    /// Returns the next one, with how its row is written.
    pub(crate) fn next_written(&mut self) -> Option<(u16, Option<Written<'a, MemberRow>>)> {
        if self.0.0.is_empty() {
            return None;
        }
        let namespace = self.0.u64()?.try_into().ok()?;
        let row = match self.0.byte()? {
            0 => None,
            _ => Some(read(&mut self.0, MemberRow::read)),
        };
        Some((namespace, row))
    }
}

impl Iterator for Members<'_> {
    type Item = Changed;

    fn next(&mut self) -> Option<Changed> {
        let (namespace, row) = self.next_written()?;
        Some((namespace, row.map(|(row, _)| row)))
    }
}
