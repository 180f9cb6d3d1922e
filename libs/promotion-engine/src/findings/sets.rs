use std::collections::BTreeSet;

use pricestream_domain::{Product, Sku};

use crate::document::items::{Items, Selector};

/// Something that a selector asks for. What belongs to one set and to another asks for a key of both, or one of them for none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Key<'a> {
    Sku(&'a str),
    Category(&'a str),
    Tag(&'a str),
    Seller(&'a str),
    Attribute(&'a str, &'a str),
}

/// Whether nothing can belong to `items`: all that is included is excluded again.
pub(super) fn is_empty(items: &Items) -> bool {
    !items.include.is_empty() && items.include.iter().all(|selector| covered(selector, &items.exclude))
}

/// Whether everything that belongs to `small` certainly belongs to `big`.
pub(super) fn covers(big: &Items, small: &Items) -> bool {
    if big == small {
        return true;
    }
    let included = big.include.is_empty()
        || (!small.include.is_empty() && small.include.iter().all(|selector| covered(selector, &big.include)));
    let kept = |excluded: &Selector| {
        let apart = || !small.include.is_empty() && small.include.iter().all(|selector| are_apart(selector, excluded));
        covered(excluded, &small.exclude) || apart()
    };
    included && big.exclude.iter().all(kept)
}

/// Whether something certainly belongs to both, if the shop has what they name.
pub(super) fn meet(one: &Items, other: &Items) -> bool {
    if covers(one, other) || covers(other, one) {
        return true;
    }
    let named = one.include.iter().filter(|selector| names_skus_alone(selector)).flat_map(|selector| &selector.skus);
    named.into_iter().any(|sku| holds_sku(one, sku) && holds_sku(other, sku))
}

/// Whether `product` belongs to `items`.
pub(super) fn holds(items: &Items, product: &Product) -> bool {
    let any = |selectors: &[Selector]| selectors.iter().any(|selector| picks(selector, product));
    (items.include.is_empty() || any(&items.include)) && !any(&items.exclude)
}

/// Keys of a product.
pub(super) fn product_keys(product: &Product) -> impl Iterator<Item = Key<'_>> {
    let one = [
        Some(Key::Sku(product.sku.as_str())),
        product.category.as_deref().map(Key::Category),
        product.seller.as_deref().map(Key::Seller),
    ];
    let attributes = product.attributes.iter().map(|(attribute, value)| Key::Attribute(attribute, value));
    one.into_iter().flatten().chain(product.tags.iter().map(|tag| Key::Tag(tag))).chain(attributes)
}

/// All keys that a selector names.
pub(super) fn all_keys(selector: &Selector) -> impl Iterator<Item = Key<'_>> {
    let attributes = selector
        .attributes
        .iter()
        .flat_map(|(attribute, values)| values.iter().map(move |value| Key::Attribute(attribute, value)));
    let skus = selector.skus.iter().map(|sku| Key::Sku(sku.as_str()));
    skus.chain(selector.categories.iter().map(|category| Key::Category(category)))
        .chain(selector.tags.iter().map(|tag| Key::Tag(tag)))
        .chain(selector.sellers.iter().map(|seller| Key::Seller(seller)))
        .chain(attributes)
}

/// The first key of each field of a selector: what covers the selector asks for one of them.
pub(super) fn first_keys(selector: &Selector) -> Vec<Key<'_>> {
    let mut keys: Vec<Key<'_>> = Vec::new();
    keys.extend(selector.skus.first().map(|sku| Key::Sku(sku.as_str())));
    keys.extend(selector.categories.first().map(|category| Key::Category(category)));
    keys.extend(selector.tags.first().map(|tag| Key::Tag(tag)));
    keys.extend(selector.sellers.first().map(|seller| Key::Seller(seller)));
    for (attribute, values) in &selector.attributes {
        keys.extend(values.first().map(|value| Key::Attribute(attribute, value)));
    }
    keys
}

/// All keys of one field of a selector, of that with the fewest.
pub(super) fn selector_keys<'a>(selector: &'a Selector) -> Vec<Key<'a>> {
    let fields = [
        selector.skus.iter().map(|sku| Key::Sku(sku.as_str())).collect(),
        selector.categories.iter().map(|category| Key::Category(category)).collect(),
        selector.tags.iter().map(|tag| Key::Tag(tag)).collect(),
        selector.sellers.iter().map(|seller| Key::Seller(seller)).collect(),
    ];
    let of_attribute = |(attribute, values): (&'a String, &'a BTreeSet<String>)| -> Vec<Key<'a>> {
        values.iter().map(|value| Key::Attribute(attribute, value)).collect()
    };
    let all = fields.into_iter().chain(selector.attributes.iter().map(of_attribute));
    all.filter(|keys: &Vec<Key<'_>>| !keys.is_empty()).min_by_key(Vec::len).unwrap_or_default()
}

fn picks(selector: &Selector, product: &Product) -> bool {
    let one =
        |values: &BTreeSet<String>, value: Option<&str>| values.is_empty() || value.is_some_and(|value| values.contains(value));
    (selector.skus.is_empty() || selector.skus.contains(&product.sku))
        && one(&selector.categories, product.category.as_deref())
        && one(&selector.sellers, product.seller.as_deref())
        && (selector.tags.is_empty() || !selector.tags.is_disjoint(&product.tags))
        && selector.attributes.iter().all(|(attribute, values)| one(values, product.attributes.get(attribute)))
}

/// Whether everything that `selector` picks is picked by one of `by`, as a whole or value by value of one of its fields.
fn covered(selector: &Selector, by: &[Selector]) -> bool {
    let whole = by.iter().any(|other| picks_all(other, selector, None));
    let each = |keys: &mut dyn Iterator<Item = Key<'_>>| {
        let mut keys = keys.peekable();
        keys.peek().is_some() && keys.all(|key| by.iter().any(|other| picks_all(other, selector, Some(key))))
    };
    whole
        || each(&mut selector.skus.iter().map(|sku| Key::Sku(sku.as_str())))
        || each(&mut selector.categories.iter().map(|category| Key::Category(category)))
        || each(&mut selector.tags.iter().map(|tag| Key::Tag(tag)))
        || each(&mut selector.sellers.iter().map(|seller| Key::Seller(seller)))
        || selector
            .attributes
            .iter()
            .any(|(attribute, values)| each(&mut values.iter().map(|value| Key::Attribute(attribute, value))))
}

/// Whether `big` picks everything that `small` does, of which only what has `key` is looked at.
fn picks_all(big: &Selector, small: &Selector, key: Option<Key<'_>>) -> bool {
    let within = |of_big: &BTreeSet<String>, of_small: &BTreeSet<String>, pinned: Option<&str>| {
        let by_key = pinned.is_some_and(|value| of_big.contains(value));
        of_big.is_empty() || by_key || (!of_small.is_empty() && of_small.is_subset(of_big))
    };
    let pinned_sku = matches!(key, Some(Key::Sku(sku)) if big.skus.contains(sku));
    let skus = big.skus.is_empty() || pinned_sku || (!small.skus.is_empty() && small.skus.is_subset(&big.skus));
    let category = if let Some(Key::Category(category)) = key { Some(category) } else { None };
    let tag = if let Some(Key::Tag(tag)) = key { Some(tag) } else { None };
    let seller = if let Some(Key::Seller(seller)) = key { Some(seller) } else { None };
    let nothing = BTreeSet::new();
    let attributes = big.attributes.iter().all(|(attribute, of_big)| {
        let pinned = if let Some(Key::Attribute(of, value)) = key { (of == attribute).then_some(value) } else { None };
        within(of_big, small.attributes.get(attribute).unwrap_or(&nothing), pinned)
    });
    skus && within(&big.categories, &small.categories, category)
        && within(&big.tags, &small.tags, tag)
        && within(&big.sellers, &small.sellers, seller)
        && attributes
}

/// Whether nothing can be picked by both: an item has one SKU, one category, one seller, and one value of an attribute.
fn are_apart(one: &Selector, other: &Selector) -> bool {
    let apart = |one: &BTreeSet<String>, other: &BTreeSet<String>| !one.is_empty() && !other.is_empty() && one.is_disjoint(other);
    let by_attribute = |(attribute, values): (&String, &BTreeSet<String>)| {
        other.attributes.get(attribute).is_some_and(|others| apart(values, others))
    };
    (!one.skus.is_empty() && !other.skus.is_empty() && one.skus.is_disjoint(&other.skus))
        || apart(&one.categories, &other.categories)
        || apart(&one.sellers, &other.sellers)
        || one.attributes.iter().any(by_attribute)
}

fn names_skus_alone(selector: &Selector) -> bool {
    let Selector { skus, categories, tags, attributes, sellers } = selector;
    !skus.is_empty() && categories.is_empty() && tags.is_empty() && attributes.is_empty() && sellers.is_empty()
}

/// Whether an item certainly belongs, whatever else is known of it.
fn holds_sku(items: &Items, sku: &Sku) -> bool {
    let included = items.include.is_empty()
        || items.include.iter().any(|selector| names_skus_alone(selector) && selector.skus.contains(sku));
    let kept = |selector: &Selector| !selector.skus.is_empty() && !selector.skus.contains(sku);
    included && items.exclude.iter().all(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(json: &str) -> Items {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn what_is_included_may_be_excluded_again() {
        for (json, expected) in [
            ("{}", false),
            (r#"{"exclude":[{"tags":["a"]}]}"#, false),
            (r#"{"include":[{"skus":["a","b"]}],"exclude":[{"skus":["a"]}]}"#, false),
            (r#"{"include":[{"skus":["a","b"]}],"exclude":[{"skus":["a"]},{"skus":["b","c"]}]}"#, true),
            (r#"{"include":[{"skus":["a"],"tags":["t"]}],"exclude":[{"tags":["t","u"]}]}"#, true),
            (r#"{"include":[{"tags":["t","u"]}],"exclude":[{"tags":["t"]}]}"#, false),
            (r#"{"include":[{"tags":["t"]}],"exclude":[{"tags":["t"],"categories":["c"]}]}"#, false),
            (r#"{"include":[{"attributes":{"x":["1","2"]}}],"exclude":[{"attributes":{"x":["1","2","3"]}}]}"#, true),
            (r#"{"include":[{"attributes":{"x":["1"]}}],"exclude":[{"attributes":{"y":["1"]}}]}"#, false),
            (r#"{"include":[{"sellers":["s"]},{"skus":["a"]}],"exclude":[{"sellers":["s"]}]}"#, false),
        ] {
            assert_eq!(is_empty(&items(json)), expected, "{json}");
        }
    }

    #[test]
    fn a_set_covers_another_only_where_that_is_certain() {
        for (big, small, expected) in [
            ("{}", r#"{"include":[{"tags":["t"]}]}"#, true),
            (r#"{"include":[{"tags":["t"]}]}"#, "{}", false),
            (r#"{"include":[{"categories":["c","d"]}]}"#, r#"{"include":[{"categories":["c"]}]}"#, true),
            (r#"{"include":[{"categories":["c"]},{"categories":["d"]}]}"#, r#"{"include":[{"categories":["c","d"]}]}"#, true),
            (r#"{"include":[{"categories":["c"]}]}"#, r#"{"include":[{"categories":["c","d"]}]}"#, false),
            (r#"{"include":[{"categories":["c"]}]}"#, r#"{"include":[{"categories":["c"],"tags":["t"]}]}"#, true),
            (r#"{"include":[{"skus":["a"]}]}"#, r#"{"include":[{"categories":["c"]}]}"#, false),
            (r#"{"exclude":[{"skus":["x"]}]}"#, r#"{"include":[{"categories":["c"]}]}"#, false),
            (r#"{"exclude":[{"skus":["x"]}]}"#, r#"{"include":[{"skus":["a"]}]}"#, true),
            (r#"{"exclude":[{"tags":["x"]}]}"#, r#"{"include":[{"tags":["y"]}]}"#, false), // it may have both tags
            (r#"{"exclude":[{"tags":["x"]}]}"#, r#"{"include":[{"tags":["y"]}],"exclude":[{"tags":["x","z"]}]}"#, true),
        ] {
            assert_eq!(covers(&items(big), &items(small)), expected, "{big} over {small}");
        }
    }

    #[test]
    fn sets_meet_only_where_that_is_certain() {
        for (one, other, expected) in [
            (r#"{"include":[{"skus":["a","b"]}]}"#, r#"{"include":[{"skus":["b","c"]}]}"#, true),
            (r#"{"include":[{"skus":["a","b"]}]}"#, r#"{"include":[{"skus":["b","c"]}],"exclude":[{"tags":["t"]}]}"#, false),
            (r#"{"include":[{"skus":["a"]}]}"#, r#"{"include":[{"categories":["c"]}]}"#, false),
            ("{}", r#"{"include":[{"categories":["c"]}]}"#, true),
        ] {
            assert_eq!(meet(&items(one), &items(other)), expected, "{one} and {other}");
            assert_eq!(meet(&items(other), &items(one)), expected, "{other} and {one}");
        }
    }
}
