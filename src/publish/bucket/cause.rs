//! Why a bucket did not do its part, and what a person can do about it. It knows no answers and no addresses.

/// What a person can do something about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BucketFault {
    NoBucket,
    Denied,
    UnknownKey,
    WrongSignature,
    Expired,
    Clock,
    WrongPlace,
    NoConnection,
    NotSupported,
    Missing,
    Throttled,
    Other,
}

impl BucketFault {
    /// What a person can do about it.
    pub(crate) fn hint(self) -> &'static str {
        match self {
            BucketFault::NoBucket => "create the bucket first, or correct its name or bucket.endpoint",
            BucketFault::Denied => {
                "the keys need to put, read, list and delete objects of this bucket; \
                 `hclake publish check` shows which of these work"
            }
            BucketFault::UnknownKey => "the service does not know this access key: correct it, or bucket.endpoint",
            BucketFault::WrongSignature => "the secret key is another one, or the endpoint is of another service",
            BucketFault::Expired => "the temporary keys have run out: fetch new ones with their security token",
            BucketFault::Clock => "set this machine's clock: requests are refused if it is off by 15 minutes",
            BucketFault::WrongPlace => {
                "the bucket is in another region, or named in the wrong part of the address: set bucket.endpoint, \
                 bucket.region or bucket.addressing"
            }
            BucketFault::NoConnection => "check bucket.endpoint, the network and the proxy",
            BucketFault::NotSupported => "`hclake publish check` shows what this service supports",
            BucketFault::Missing => "what was published before still stands; the next publishing writes it again",
            BucketFault::Throttled => "what was published before still stands; publish again later",
            BucketFault::Other => "what was published before still stands; `hclake publish check` tries each request",
        }
    }

    /// Whether a person must change something before it can work.
    pub(crate) fn is_usage(self) -> bool {
        !matches!(self, BucketFault::NoConnection | BucketFault::Throttled | BucketFault::Missing | BucketFault::Other)
    }
}
