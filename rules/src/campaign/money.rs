//! Amounts of money: whole minor units of one currency, with checked arithmetic by the callers.

use std::fmt;
use std::str::FromStr;

/// `20.00 CNY` is 2000 minor units. The number of decimals is the currency's (ISO 4217): 2, or 0 or 3 for some.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Money {
    pub minor: i64,
    pub currency: Currency,
}

/// A three-letter ISO 4217 code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Currency([u8; 3]);

impl Currency {
    pub fn decimals(self) -> u32 {
        match &self.0 {
            b"BIF" | b"CLP" | b"DJF" | b"GNF" | b"ISK" | b"JPY" | b"KMF" | b"KRW" | b"PYG" | b"RWF" | b"UGX" | b"VND" | b"VUV" | b"XAF"
            | b"XOF" | b"XPF" => 0,
            b"BHD" | b"IQD" | b"JOD" | b"KWD" | b"LYD" | b"OMR" | b"TND" => 3,
            _ => 2,
        }
    }
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("???")
    }
}

impl FromStr for Money {
    type Err = String;
    /// `20.00 CNY` or `20 CNY`: an amount with at most the currency's decimals, one space, the currency.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("\"{text}\" is no amount of money: write it as \"20.00 CNY\"");
        let (amount, code) = text.split_once(' ').ok_or_else(wrong)?;
        let letters: [u8; 3] = code.as_bytes().try_into().map_err(|_| wrong())?;
        if !letters.iter().all(u8::is_ascii_uppercase) {
            return Err(wrong());
        }
        let currency = Currency(letters);
        let (whole, fraction) = amount.split_once('.').unwrap_or((amount, ""));
        let digits = |t: &str| t.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty() || !digits(whole) || !digits(fraction) {
            return Err(wrong());
        }
        let decimals = currency.decimals() as usize;
        if fraction.len() > decimals {
            return Err(format!("\"{text}\" has more than the {decimals} decimals of {code}"));
        }
        let minor = format!("{whole}{fraction:0<decimals$}").parse().map_err(|_| format!("\"{text}\" is too large"))?;
        Ok(Money { minor, currency })
    }
}

/// The form that [`FromStr`] reads: `20.00 CNY`.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decimals = self.currency.decimals();
        let unit = 10_u64.pow(decimals);
        let (sign, size) = (if self.minor < 0 { "-" } else { "" }, self.minor.unsigned_abs());
        match decimals {
            0 => write!(f, "{sign}{size} {}", self.currency.code()),
            _ => write!(f, "{sign}{}.{:0width$} {}", size / unit, size % unit, self.currency.code(), width = decimals as usize),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_read_and_print() {
        for (text, minor, printed) in [
            ("20.00 CNY", 2000, "20.00 CNY"),
            ("20 CNY", 2000, "20.00 CNY"),
            ("0.5 CNY", 50, "0.50 CNY"),
            ("500 JPY", 500, "500 JPY"),
            ("1.234 KWD", 1234, "1.234 KWD"),
        ] {
            let money: Money = text.parse().unwrap();
            assert_eq!((money.minor, money.to_string().as_str()), (minor, printed), "{text}");
        }
    }

    #[test]
    fn what_is_no_amount_says_so() {
        for text in ["20", "20.00", "CNY 20", "20.00 cny", "20.001 CNY", "1.5 JPY", "-1 CNY", "99999999999999999999 CNY", "1.0.0 CNY", ""] {
            assert!(text.parse::<Money>().is_err(), "{text}");
        }
    }
}
