//! `HOMES`: the homes that share the clients of the root's address.

use super::home_name::{Home, fnv1a};
use super::shard::{MAX_SHARDS, Region, Shard};

/// Where clients of `/cometd` without a session there are placed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Placement {
    /// In one home, which has an object's capacity.
    #[default]
    Root,
    /// In this many homes, by IP address.
    Sharded(u16),
    /// In this many homes of each region, near the client.
    Regional(u16),
}

impl Placement {
    /// Reads `root`, `sharded:N` or `regional:N`, with N from 1 to [`MAX_SHARDS`].
    ///
    /// ```
    /// use bayeux_edge::bayeux::Placement;
    ///
    /// assert_eq!(Placement::parse("sharded:8"), Some(Placement::Sharded(8)));
    /// assert_eq!(Placement::parse("sharded"), None);
    /// ```
    pub fn parse(text: &str) -> Option<Self> {
        if text == "root" {
            return Some(Self::Root);
        }
        let (mode, count) = text.split_once(':')?;
        let count = count.parse().ok().filter(|count| (1..=MAX_SHARDS).contains(count))?;
        match mode {
            "sharded" => Some(Self::Sharded(count)),
            "regional" => Some(Self::Regional(count)),
            _ => None,
        }
    }

    /// Whether this home is one of them.
    pub fn make(self, shard: &Shard) -> bool {
        match self {
            Self::Root => false,
            Self::Sharded(count) => shard.region().is_none() && shard.index() < count,
            Self::Regional(count) => shard.region().is_some() && shard.index() < count,
        }
    }

    /// All of them but the root.
    pub fn shards(self) -> impl Iterator<Item = Home> {
        let (regions, count) = match self {
            Self::Root => (Vec::new(), 0),
            Self::Sharded(count) => (vec![None], count),
            Self::Regional(count) => (Region::ALL.map(Some).to_vec(), count),
        };
        let of_region = move |region| (0..count).map(move |index| Home::Shard(Shard::new(region, index)));
        regions.into_iter().flat_map(of_region)
    }

    /// The home for this IP address. A client of unknown region may go to any.
    pub fn choose(self, address: &str, region: Option<Region>) -> Home {
        let place = |count: u16| u16::try_from(fnv1a(address) % u32::from(count)).unwrap_or_default();
        match self {
            Self::Root => Home::Root,
            Self::Sharded(count) => Home::Shard(Shard::new(None, place(count))),
            Self::Regional(count) => {
                let region = region.unwrap_or(Region::EasternNorthAmerica);
                Home::Shard(Shard::new(Some(region), place(count)))
            }
        }
    }
}

impl Region {
    /// The region of a client, by its continent as Cloudflare names it (`request.cf.continent`) and its longitude in
    /// degrees east.
    pub fn near(continent: &str, longitude: Option<f64>) -> Option<Self> {
        let east_of = |degrees: f64| longitude.is_some_and(|longitude| longitude > degrees);
        let region = match continent {
            "NA" if east_of(-100.0) => Self::EasternNorthAmerica,
            "NA" => Self::WesternNorthAmerica,
            "SA" => Self::SouthAmerica,
            // About the eastern borders of Germany and Italy.
            "EU" if east_of(15.0) => Self::EasternEurope,
            "EU" => Self::WesternEurope,
            "AF" => Self::Africa,
            // West of the Indus.
            "AS" if longitude.is_some() && !east_of(67.0) => Self::MiddleEast,
            "AS" => Self::AsiaPacific,
            "OC" | "AN" => Self::Oceania,
            _ => return None,
        };
        Some(region)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_spread_over_the_homes_and_each_keeps_its_home() {
        let homes = Placement::Sharded(8);
        let chosen: std::collections::BTreeSet<_> =
            (0..200).map(|n| homes.choose(&format!("10.0.0.{n}"), None)).collect();
        assert_eq!(chosen.len(), 8);
        assert_eq!(homes.choose("2001:db8::1", None), homes.choose("2001:db8::1", None));
        assert_eq!(Placement::Root.choose("10.0.0.1", None), Home::Root);
    }

    #[test]
    fn a_regional_home_is_in_the_region_of_the_client() {
        let home = |continent, longitude| Placement::Regional(1).choose("10.0.0.1", Region::near(continent, longitude));
        for (continent, longitude, name) in [
            ("NA", Some(-74.0), "@enam.0"),
            ("NA", Some(-122.4), "@wnam.0"),
            ("NA", None, "@wnam.0"),
            ("SA", None, "@sam.0"),
            ("EU", Some(-3.7), "@weur.0"),
            ("EU", Some(21.0), "@eeur.0"),
            ("AF", Some(18.4), "@afr.0"),
            ("AS", Some(55.3), "@me.0"),
            ("AS", Some(139.7), "@apac.0"),
            ("AS", None, "@apac.0"),
            ("OC", None, "@oc.0"),
            ("", None, "@enam.0"),
        ] {
            assert_eq!(home(continent, longitude).name(), name, "{continent} {longitude:?}");
        }
    }

    #[test]
    fn an_invalid_mode_is_refused() {
        for text in ["", "Root", "sharded:0", "sharded:3845", "sharded:-1", "regional:", "regional:1.5", "root:1"] {
            assert_eq!(Placement::parse(text), None, "{text}");
        }
    }
}
