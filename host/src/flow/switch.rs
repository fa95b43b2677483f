//! Closing and opening operations of a campaign at run time. The switch lies in the head, so that every host sees it in
//! its next commit; who, when and why are in the journal.

use super::error::{FlowError, Result};
use super::host::Host;
use super::read::instant;
use super::views::SwitchView;
use guerdon_rules::book::Book;
use guerdon_rules::book::rows::{ISSUE, Switch};

/// The switches that there are.
const SWITCHES: [&str; 1] = [ISSUE];

impl Host {
    /// Closes or opens a switch. Opening `issue` pays what was held back.
    pub async fn set_switch(&self, campaign: &str, name: &str, closed: bool, by: &str, why: &str) -> Result<SwitchView> {
        let running = self.campaign(campaign)?;
        if !SWITCHES.contains(&name) {
            return Err(FlowError::NotFound(format!("there is no switch \"{name}\": there is {}", SWITCHES.join(", "))));
        }
        if by.trim().is_empty() || why.trim().is_empty() {
            return Err(FlowError::Invalid("say who (`by`) and why (`why`): both are recorded".into()));
        }
        let switch = Switch { closed, by: by.into(), why: why.into(), at_ms: self.now_ms() };
        let mut transaction = self.store.begin(running.row.campaign).await?;
        let mut book = Book::new(transaction.head().clone(), Vec::new());
        book.set_switch(name, switch.clone());
        transaction.write(&book.take_delta()).await?;
        transaction.commit().await?;
        if !closed {
            self.release_held(&running).await?;
        }
        Ok(view(name, &switch))
    }
}

pub(super) fn view(name: &str, switch: &Switch) -> SwitchView {
    SwitchView { name: name.into(), closed: switch.closed, by: switch.by.clone(), why: switch.why.clone(), at: instant(switch.at_ms) }
}
