use jiff::Timestamp;
use pricestream_domain::Money;
use pricestream_ports::{Conditional, Order, OrderId, OrderReads, Orders, PortError};
use rusqlite::{OptionalExtension, Result, Row, params};

use super::Store;
use super::codes::{currency, currency_code, instant, maybe_instant, unreadable};
use super::db::Db;
use super::writes::conditional;

impl Db {
    fn order_where(&self, column: &str, value: &str) -> Result<Option<Order>> {
        let sql = format!("SELECT id, quote, payable, currency, placed_at, cancelled_at, claims FROM orders WHERE {column} = ?1");
        self.conn.prepare_cached(&sql)?.query_row([value], read).optional()
    }
}

fn read(row: &Row<'_>) -> Result<Order> {
    let id: String = row.get(0)?;
    let claims: String = row.get(6)?;
    Ok(Order {
        id: OrderId::new(&id).map_err(unreadable)?,
        quote: row.get(1)?,
        payable: Money::new(row.get(2)?, currency(row.get(3)?)?),
        placed_at: instant(row.get(4)?)?,
        cancelled_at: maybe_instant(row.get(5)?)?,
        claims: claims.into(),
    })
}

impl OrderReads for Store {
    async fn order(&self, id: &OrderId) -> std::result::Result<Option<Order>, PortError> {
        self.read(|db| db.order_where("id", id.as_str()))
    }

    async fn order_of_quote(&self, quote: &str) -> std::result::Result<Option<Order>, PortError> {
        self.read(|db| db.order_where("quote", quote))
    }
}

impl Orders for Store {
    async fn put_order(&self, order: &Order) -> std::result::Result<Conditional, PortError> {
        self.write(|db| {
            let mut put = db.conn.prepare_cached(
                "INSERT INTO orders (id, quote, payable, currency, placed_at, cancelled_at, claims)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO NOTHING",
            )?;
            let changed = put.execute(params![
                order.id.as_str(),
                order.quote,
                order.payable.minor,
                currency_code(order.payable.currency),
                order.placed_at.as_microsecond(),
                order.cancelled_at.map(Timestamp::as_microsecond),
                &*order.claims,
            ])?;
            Ok(conditional(changed))
        })
    }

    async fn cancel_order(&self, id: &OrderId, at: Timestamp) -> std::result::Result<Conditional, PortError> {
        self.write(|db| {
            let mut update =
                db.conn.prepare_cached("UPDATE orders SET cancelled_at = ?2 WHERE id = ?1 AND cancelled_at IS NULL")?;
            Ok(conditional(update.execute(params![id.as_str(), at.as_microsecond()])?))
        })
    }
}
