//! Credentials in environment variables: families of names, each whole or not at all.

use super::found::{FoundKeys, Looked, SourceState, pair, require_clean};
use crate::base::credentials::Credentials;
use crate::config::env::{
    Environment, HW_AUTH_TOKEN, HW_DOMAIN_NAME, HW_USER_NAME, HW_USER_PASSWORD, KEY_FAMILIES, KeyNames,
};

/// Each family, in the order in which they are tried.
pub(super) fn look(environment: &Environment) -> Vec<Looked> {
    let mut places: Vec<Looked> = KEY_FAMILIES
        .iter()
        .map(|names| {
            let source = format!("{} and {}", names.ak, names.sk);
            Looked::new(source.clone(), key_pair(environment, names).map(|keys| FoundKeys::new(keys, source)))
        })
        .collect();
    let token = environment.secret(HW_AUTH_TOKEN).ok_or(SourceState::Absent);
    let token = token.and_then(|token| require_clean(HW_AUTH_TOKEN, token.expose()).map(|()| token));
    places.push(Looked::new(
        HW_AUTH_TOKEN,
        token.map(|token| FoundKeys::new(Credentials::Token(token), HW_AUTH_TOKEN.to_owned())),
    ));
    let source = format!("{HW_USER_NAME} and {HW_USER_PASSWORD}");
    places.push(Looked::new(source.clone(), password(environment).map(|keys| FoundKeys::new(keys, source))));
    places
}

fn key_pair(environment: &Environment, names: &KeyNames) -> Result<Credentials, SourceState> {
    let (ak, sk) = pair([names.ak, names.sk], environment.text(names.ak), environment.secret(names.sk))?;
    let security_token = names.security_token.and_then(|name| Some((name, environment.secret(name)?)));
    security_token.iter().try_for_each(|(name, token)| require_clean(name, token.expose()))?;
    Ok(Credentials::AkSk { ak, sk, security_token: security_token.map(|(_, token)| token) })
}

/// A domain alone is no credential: other tools are given one beside their keys.
fn password(environment: &Environment) -> Result<Credentials, SourceState> {
    let (user, password) =
        pair([HW_USER_NAME, HW_USER_PASSWORD], environment.text(HW_USER_NAME), environment.secret(HW_USER_PASSWORD))?;
    match environment.text(HW_DOMAIN_NAME) {
        Some(domain) => Ok(Credentials::Password { user, password, domain: domain.to_owned() }),
        None => Err(SourceState::Half { set: HW_USER_NAME.to_owned(), missing: HW_DOMAIN_NAME.to_owned() }),
    }
}
