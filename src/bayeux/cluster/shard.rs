//! Shards: the homes that share the root's clients, with `HOMES`, and the regions they may be kept in.

use std::rc::Rc;

/// Shards are numbered in two base-62 digits.
pub const MAX_SHARDS: u16 = 62 * 62;

/// One of the homes that share the root's clients: `@3`, or `@weur.3`. No channel has such a name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Shard {
    pub(super) region: Option<Region>,
    pub(super) index: u16,
    pub(super) name: Rc<str>,
}

/// A part of the world where the platform can be asked to keep an object (Durable Objects, "Provide a location hint").
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Region {
    WesternNorthAmerica,
    EasternNorthAmerica,
    SouthAmerica,
    WesternEurope,
    EasternEurope,
    AsiaPacific,
    Oceania,
    Africa,
    MiddleEast,
}

impl Shard {
    pub fn new(region: Option<Region>, index: u16) -> Self {
        let name = match region {
            Some(region) => format!("@{}.{index}", region.name()),
            None => format!("@{index}"),
        };
        Self { region, index, name: name.into() }
    }

    pub fn region(&self) -> Option<Region> {
        self.region
    }

    pub fn index(&self) -> u16 {
        self.index
    }

    pub(super) fn named(name: &str) -> Option<Self> {
        let (region, index) = match name.split_once('.') {
            Some((region, index)) => (Some(Region::named(region)?), index),
            None => (None, name),
        };
        let shard = Self::new(region, index.parse().ok().filter(|index| *index < MAX_SHARDS)?);
        // One name for each number: no leading zeros, no signs.
        (shard.name[1..] == *name).then_some(shard)
    }
}

impl Region {
    pub const ALL: [Self; 9] = [
        Self::WesternNorthAmerica,
        Self::EasternNorthAmerica,
        Self::SouthAmerica,
        Self::WesternEurope,
        Self::EasternEurope,
        Self::AsiaPacific,
        Self::Oceania,
        Self::Africa,
        Self::MiddleEast,
    ];

    /// Its name as a location hint.
    pub fn name(self) -> &'static str {
        match self {
            Self::WesternNorthAmerica => "wnam",
            Self::EasternNorthAmerica => "enam",
            Self::SouthAmerica => "sam",
            Self::WesternEurope => "weur",
            Self::EasternEurope => "eeur",
            Self::AsiaPacific => "apac",
            Self::Oceania => "oc",
            Self::Africa => "afr",
            Self::MiddleEast => "me",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|region| region.name() == name)
    }
}
