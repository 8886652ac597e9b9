//! Models and detectors inside the state of a larger model.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error as _, Visitor},
    ser::Error as _,
};

use crate::{
    learn::base::{DriftDetector, Regressor},
    snapshot::{Snapshot, SnapshotError},
};

/// What can be kept: a thing of whose kind copies can be made.
pub trait Part: Snapshot {
    /// A copy with everything learned.
    fn copy(&self) -> Box<Self>;

    /// A fresh one with the same parameters.
    fn blank(&self) -> Box<Self>;
}

impl Part for dyn Regressor {
    fn copy(&self) -> Box<Self> {
        self.clone_learned()
    }

    fn blank(&self) -> Box<Self> {
        self.clone_fresh()
    }
}

impl Part for dyn DriftDetector {
    fn copy(&self) -> Box<Self> {
        self.clone_learned()
    }

    fn blank(&self) -> Box<Self> {
        self.clone_fresh()
    }
}

/// A model or detector as a field of a struct that derives serde: it is written as the bytes of its state, and after reading brought back to life by
/// [`revive`](Self::revive).
pub enum Kept<T: Part + ?Sized> {
    /// At work.
    Live(Box<T>),
    /// Read, and not yet brought back.
    Bytes(Vec<u8>),
}

impl<T: Part + ?Sized> Kept<T> {
    /// The thing itself; nothing if it was read and not brought back.
    #[inline]
    pub fn get(&self) -> Option<&T> {
        match self {
            Kept::Live(part) => Some(part),
            Kept::Bytes(_) => None,
        }
    }

    /// The thing itself, to be changed.
    #[inline]
    pub fn get_mut(&mut self) -> Option<&mut T> {
        match self {
            Kept::Live(part) => Some(part),
            Kept::Bytes(_) => None,
        }
    }

    /// Brings back what was read as a thing like `like`.
    ///
    /// # Errors
    /// When the bytes are no state of such a thing.
    pub fn revive(&mut self, like: &T) -> Result<(), SnapshotError> {
        if let Kept::Bytes(bytes) = self {
            let mut part = like.blank();
            part.load(bytes)?;
            *self = Kept::Live(part);
        }
        Ok(())
    }
}

impl Kept<dyn DriftDetector> {
    /// Shows the detector a value, and tells whether it raised its alarm.
    #[inline]
    pub fn alarms(&mut self, value: f64) -> bool {
        self.get_mut().is_some_and(|detector| {
            detector.update(value);
            detector.drift_detected()
        })
    }
}

impl<T: Part + ?Sized> Clone for Kept<T> {
    fn clone(&self) -> Self {
        match self {
            Kept::Live(part) => Kept::Live(part.copy()),
            Kept::Bytes(bytes) => Kept::Bytes(bytes.clone()),
        }
    }
}

impl<T: Part + ?Sized> fmt::Debug for Kept<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Kept(..)")
    }
}

impl<T: Part + ?Sized> Serialize for Kept<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Kept::Live(part) => {
                let mut bytes = Vec::new();
                part.save(&mut bytes).map_err(S::Error::custom)?;
                serializer.serialize_bytes(&bytes)
            }
            Kept::Bytes(bytes) => serializer.serialize_bytes(bytes),
        }
    }
}

impl<'de, T: Part + ?Sized> Deserialize<'de> for Kept<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;

        impl Visitor<'_> for Bytes {
            type Value = Vec<u8>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the bytes of a state")
            }

            fn visit_bytes<E: serde::de::Error>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
                Ok(bytes.to_vec())
            }

            fn visit_byte_buf<E: serde::de::Error>(self, bytes: Vec<u8>) -> Result<Vec<u8>, E> {
                Ok(bytes)
            }
        }

        deserializer.deserialize_byte_buf(Bytes).map(Kept::Bytes).map_err(D::Error::custom)
    }
}
