//! Passwords: the numbers of the RFC's function, bounds on both sides, and keyboards that differ.

use super::*;

const RECIPE: Recipe = Recipe {
    cost: Cost {
        memory_mib: 19,
        passes: 2,
    },
    salt: [3; SALT_BYTES],
};

#[test]
fn the_log_in_and_the_slot_have_keys_of_their_own() {
    let stretched = RECIPE.stretch("correct horse battery").expect("a password");
    let again = RECIPE.stretch("correct horse battery").expect("a password");
    assert_eq!(stretched.slot, again.slot);
    assert_eq!(stretched.login, again.login);
    assert_ne!(stretched.slot, stretched.login);
    let salted = Recipe {
        salt: [4; SALT_BYTES],
        ..RECIPE
    };
    let other = salted.stretch("correct horse battery").expect("a password");
    assert_ne!(stretched.slot, other.slot);
}

#[test]
fn a_password_does_not_depend_on_the_keyboard() {
    let composed = RECIPE.stretch("gr\u{fc}n").expect("a password");
    let combined = RECIPE.stretch("gru\u{308}n").expect("a password");
    assert_eq!(composed.slot, combined.slot);
    let other = RECIPE.stretch("grun").expect("a password");
    assert_ne!(composed.slot, other.slot);
}

#[test]
fn a_password_has_its_limits() {
    let longest = "x".repeat(PASSWORD_BYTES_MAX);
    assert!(RECIPE.stretch(&longest).is_ok());
    for wrong in [String::new(), format!("{longest}x"), "x".repeat(1 << 20)] {
        let refused = RECIPE.stretch(&wrong).map(|_| ());
        assert_eq!(refused, Err(StretchError::Length), "{}", wrong.len());
    }
}

#[test]
fn a_cost_stays_within_its_bounds() {
    for cost in Cost::LADDER {
        assert!(cost.is_allowed());
        let recipe = Recipe { cost, ..RECIPE };
        assert_eq!(Recipe::decode(&recipe.encode()), Some(recipe));
    }
    assert!(Cost::LADDER.is_sorted());
    for (memory_mib, passes) in [(18, 2), (65, 2), (19, 1), (19, 4), (0, 0), (255, 255)] {
        let cost = Cost { memory_mib, passes };
        let recipe = Recipe { cost, ..RECIPE };
        assert_eq!(Recipe::decode(&recipe.encode()), None);
        assert_eq!(
            recipe.stretch("password").map(|_| ()),
            Err(StretchError::Cost)
        );
    }
    for wrong in [&RECIPE.encode()[..18], &[2; 19], &[], &[1; 20]] {
        assert_eq!(Recipe::decode(wrong), None);
    }
}

#[test]
fn the_cost_is_the_dearest_that_is_quick_enough() {
    // Milliseconds for 19 MiB and two passes, and what is chosen.
    for (quickest, expected) in [(500, (19, 2)), (60, (24, 2)), (45, (32, 2)), (10, (64, 3))] {
        let chosen = Cost::calibrate(|cost| {
            let work = u64::from(cost.memory_mib) * u64::from(cost.passes);
            Duration::from_millis(quickest * work / 38)
        });
        assert_eq!((chosen.memory_mib, chosen.passes), expected, "{quickest}");
    }
}
