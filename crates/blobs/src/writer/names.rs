//! Tags, leases and namespaces.

use base::{ContentHash, Duration};
use disk::log::Appender;
use storage_core::clock::SlowTime;
use storage_core::namespace::Namespace;
use storage_core::quota::Quota;
use storage_core::tag::TagName;
use wire::blobs::{Body, Lease, Tag};

use super::put::Keep;
use super::{Subject, Writer};
use crate::WriteError;
use crate::rows::{NameRow, lease_key, tag_key};
use crate::space::UNBOUNDED;

/// That somebody keeps a blob.
#[derive(Clone, Debug)]
pub(crate) struct Hold {
    /// How long from now on; no time ends it.
    pub(crate) span: Duration,
    /// Who.
    pub(crate) holder: String,
    /// Whether what the folder names is kept, too.
    pub(crate) is_folder: bool,
}

impl Writer {
    /// Tags and leases a blob that was just stored or touched.
    pub(super) fn keep(
        &mut self,
        namespace: u16,
        hash: ContentHash,
        keep: &Keep,
        appender: &mut Appender,
    ) -> Result<(), WriteError> {
        if let Some((name, is_folder)) = &keep.tag {
            self.put_tag(namespace, hash, name, *is_folder, appender)?;
        }
        if let Some(hold) = &keep.lease {
            self.put_lease(namespace, hash, hold, appender)?;
        }
        Ok(())
    }

    /// Names a blob that is there.
    pub(crate) fn put_tag(
        &mut self,
        namespace: u16,
        hash: ContentHash,
        name: &TagName,
        is_folder: bool,
        appender: &mut Appender,
    ) -> Result<(), WriteError> {
        let key = ContentHash::of(name.as_str().as_bytes());
        let tag = Tag {
            hash,
            at: self.now.at,
            is_folder,
            name: name.as_str(),
        };
        self.push(appender, Subject::of(namespace, &key), &Body::Tag(tag))?;
        Ok(())
    }

    /// Takes a name away; tells whether it was there.
    pub(crate) fn untag(
        &mut self,
        namespace: u16,
        name: &TagName,
        appender: &mut Appender,
    ) -> Result<bool, WriteError> {
        let row = self
            .draft
            .name(&self.core.view, &tag_key(namespace, name.as_str()))?;
        if row.is_none() {
            return Ok(false);
        }
        let key = ContentHash::of(name.as_str().as_bytes());
        self.push(
            appender,
            Subject::of(namespace, &key),
            &Body::Untag(name.as_str()),
        )?;
        Ok(true)
    }

    /// Keeps a blob that is there for a time from now on, for a holder; no time ends the lease.
    pub(crate) fn put_lease(
        &mut self,
        namespace: u16,
        hash: ContentHash,
        hold: &Hold,
        appender: &mut Appender,
    ) -> Result<(), WriteError> {
        let until = match hold.span {
            Duration::ZERO => SlowTime(0),
            span => SlowTime(self.now.slow) + span,
        };
        let before = self.draft.name(
            &self.core.view,
            &lease_key(namespace, hash.as_bytes(), &hold.holder),
        )?;
        if until.0 == 0 && !matches!(before, Some(NameRow::Lease { .. })) {
            return Ok(());
        }
        let lease = Lease {
            until: until.0,
            is_folder: hold.is_folder,
            holder: &hold.holder,
        };
        self.push(appender, Subject::of(namespace, &hash), &Body::Lease(lease))?;
        Ok(())
    }

    /// Finds the number of a namespace, or gives it one.
    pub(crate) fn namespace(
        &mut self,
        name: &Namespace,
        appender: &mut Appender,
    ) -> Result<u16, WriteError> {
        if let Some(number) = self.core.space().number_of(name) {
            return Ok(number);
        }
        if let Some((_, number)) = self.named.iter().find(|(named, _)| named == name) {
            return Ok(*number);
        }
        let number = self.draft.namespaces;
        if number >= NAMESPACES_MAX {
            return Err(WriteError::Namespaces);
        }
        self.name_namespace(number, name, UNBOUNDED, appender)?;
        self.named.push((name.clone(), number));
        Ok(number)
    }

    /// Says what a namespace may hold.
    pub(crate) fn set_quota(
        &mut self,
        number: u16,
        quota: Quota,
        appender: &mut Appender,
    ) -> Result<(), WriteError> {
        let name = self.core.space().room(number).map(|room| room.name.clone());
        let name = name.ok_or(WriteError::Namespaces)?;
        self.name_namespace(number, &name, quota, appender)
    }

    fn name_namespace(
        &mut self,
        number: u16,
        name: &Namespace,
        quota: Quota,
        appender: &mut Appender,
    ) -> Result<(), WriteError> {
        let body = Body::Namespace(wire::blobs::Namespace {
            bytes_max: quota.bytes_max,
            blobs_max: quota.blobs_max,
            name: name.as_str(),
        });
        let subject = Subject {
            namespace: number,
            key: [0; 32],
        };
        self.push(appender, subject, &body)?;
        Ok(())
    }
}

/// How many namespaces there may be.
const NAMESPACES_MAX: u16 = 60_000;
