//! How demand spreads over the time of a sale.

use std::sync::{Arc, LazyLock};

/// Demand over a sale, as if its list-price sales were 1 in all. Straight-line between the ends of equal parts.
#[derive(Clone, Debug, PartialEq)]
pub struct Shape {
    /// What is still to come at the begin of each part, and 0 at the end.
    left: Vec<f64>,
}

/// Parts that a shape given by a formula is cut into.
const PARTS: u32 = 200;

impl Shape {
    /// The same at any time.
    pub fn flat() -> Arc<Self> {
        static FLAT: LazyLock<Arc<Shape>> = LazyLock::new(|| Arc::new(Shape { left: vec![1.0, 0.0] }));
        Arc::clone(&FLAT)
    }

    /// Demand in equal parts of the sale, to any scale. `None` if there is no part, one is negative or no number, or all are zero.
    pub fn of_parts(parts: &[f64]) -> Option<Self> {
        let sum: f64 = parts.iter().sum();
        if !(sum.is_finite() && sum > 0.0 && parts.iter().all(|part| *part >= 0.0)) {
            return None;
        }
        let mut left = vec![0.0; parts.len() + 1];
        for part in (0..parts.len()).rev() {
            left[part] = left[part + 1] + parts[part] / sum;
        }
        Some(Self { left })
    }

    /// By a formula for the intensity at each instant of 0..1.
    fn by(intensity: impl Fn(f64) -> f64) -> Arc<Self> {
        let parts: Vec<f64> = (0..PARTS).map(|part| intensity((f64::from(part) + 0.5) / f64::from(PARTS))).collect();
        Arc::new(Self::of_parts(&parts).expect("the formulas below are positive"))
    }

    /// Share of the sale's demand that comes after `at` (0..=1 of its time).
    pub fn left(&self, at: f64) -> f64 {
        let parts = self.left.len() - 1;
        let place = at.clamp(0.0, 1.0) * parts as f64;
        let part = (place as usize).min(parts - 1);
        let within = place - part as f64;
        self.left[part] + (self.left[part + 1] - self.left[part]) * within
    }

    /// Intensity at `at`: 1 on average over the sale. Never 0, so that a sale is possible at any time.
    pub fn intensity(&self, at: f64) -> f64 {
        let parts = self.left.len() - 1;
        let part = ((at.clamp(0.0, 1.0) * parts as f64) as usize).min(parts - 1);
        ((self.left[part] - self.left[part + 1]) * parts as f64).max(1e-4)
    }
}

/// A shape that a sale may have, how likely it is beforehand, and how fast what was seen of it grows old.
#[derive(Clone, Debug)]
pub struct Template {
    /// The shape.
    pub shape: Arc<Shape>,
    /// Relative to the other templates.
    pub weight: f64,
    /// Information that is lost in the time of one whole sale, as an exponent: 0 keeps all of it, 15 halves it each twentieth of a sale.
    pub forgets: f64,
}

/// Shapes of sales of which nothing is known but that they begin and end: level, falling, rising, with a rush at the begin or the end or
/// both, with one hump; and level with whatever happens, since what was seen of it grows old. General on purpose: no step, no burst.
pub fn library() -> &'static [Template] {
    static LIBRARY: LazyLock<Vec<Template>> = LazyLock::new(|| {
        let mut templates = vec![
            Template { shape: Shape::flat(), weight: 11.0, forgets: 0.0 },
            Template { shape: Shape::flat(), weight: 7.0, forgets: 15.0 },
        ];
        let mut add = |weight: f64, shape: Arc<Shape>| templates.push(Template { shape, weight, forgets: 0.0 });
        for rate in [1.5, 3.0, 6.0, 12.0] {
            add(1.0, Shape::by(|at| (-rate * at).exp()));
        }
        for rate in [1.5, 3.0, 6.0] {
            add(0.6, Shape::by(|at| (rate * (at - 1.0)).exp()));
        }
        for length in [0.05, 0.12] {
            let begin = move |at: f64| (-at / length).exp();
            let end = move |at: f64| ((at - 1.0) / length).exp();
            add(0.5, Shape::by(|at| 0.5 + 3.0 * begin(at)));
            add(0.5, Shape::by(|at| 0.5 + 3.0 * end(at)));
            add(0.5, Shape::by(|at| 0.5 + 2.0 * (begin(at) + end(at))));
        }
        for middle in [0.2, 0.4, 0.6, 0.8] {
            add(0.3, Shape::by(|at| 0.15 + (-((at - middle) / 0.15).powi(2) / 2.0).exp()));
        }
        templates
    });
    &LIBRARY
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_falls_from_all_to_nothing() {
        for shape in library().iter().map(|template| &*template.shape).chain([&Shape::of_parts(&[3.0, 0.0, 1.0]).unwrap()]) {
            assert!((shape.left(0.0) - 1.0).abs() < 1e-12 && shape.left(1.0).abs() < 1e-12);
            let lefts: Vec<f64> = (0..=1_000).map(|at| shape.left(f64::from(at) / 1_000.0)).collect();
            assert!(lefts.is_sorted_by(|one, next| one >= next));
            let mean = (0..3_000).map(|at| shape.intensity((f64::from(at) + 0.5) / 3_000.0)).sum::<f64>() / 3_000.0;
            assert!((mean - 1.0).abs() < 1e-2, "{mean}");
        }
        assert!((Shape::of_parts(&[3.0, 0.0, 1.0]).unwrap().left(0.5) - 0.25).abs() < 1e-15);
    }

    #[test]
    fn what_is_no_shape_is_refused() {
        for parts in [&[][..], &[0.0, 0.0], &[1.0, -1.0], &[f64::NAN], &[f64::INFINITY]] {
            assert_eq!(Shape::of_parts(parts), None, "{parts:?}");
        }
    }
}
