use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use pricestream_domain::Money;
use pricestream_ports::{Conditional, Order, OrderId, OrderReads, Orders, PortError};
use serde::{Deserialize, Serialize};

use super::DynamoStore;
use super::item::{from_item, item, text, text_of, to_item};

/// An order as stored, under `order#` and its id; `quote#` and the quote's name leads to it.
#[derive(Debug, Serialize, Deserialize)]
struct Stored {
    name: String,
    id: String,
    quote: String,
    payable: Money,
    placed_at: Timestamp,
    cancelled_at: Option<Timestamp>,
    claims: String,
}

fn name_of(id: &OrderId) -> String {
    format!("order#{id}")
}

fn name_of_quote(quote: &str) -> String {
    format!("quote#{quote}")
}

impl Stored {
    fn order(self) -> Result<Order, PortError> {
        Ok(Order {
            id: OrderId::new(&self.id).map_err(|error| PortError::corrupt("orders", error))?,
            quote: self.quote,
            payable: self.payable,
            placed_at: self.placed_at,
            cancelled_at: self.cancelled_at,
            claims: self.claims.into(),
        })
    }
}

impl OrderReads for DynamoStore {
    async fn order(&self, id: &OrderId) -> Result<Option<Order>, PortError> {
        let found = self.get(&self.tables.orders, item([("name", text(name_of(id)))])).await?;
        found.map(|found| from_item::<Stored>(found)?.order()).transpose()
    }

    async fn order_of_quote(&self, quote: &str) -> Result<Option<Order>, PortError> {
        let found = self.get(&self.tables.orders, item([("name", text(name_of_quote(quote)))])).await?;
        let Some(found) = found else { return Ok(None) };
        let id = OrderId::new(text_of(&found, "order")?).map_err(|error| PortError::corrupt("orders", error))?;
        self.order(&id).await
    }
}

impl Orders for DynamoStore {
    async fn put_order(&self, order: &Order) -> Result<Conditional, PortError> {
        let stored = Stored {
            name: name_of(&order.id),
            id: order.id.to_string(),
            quote: order.quote.clone(),
            payable: order.payable,
            placed_at: order.placed_at,
            cancelled_at: order.cancelled_at,
            claims: order.claims.to_string(),
        };
        let quote = item([("name", text(name_of_quote(&order.quote))), ("order", text(order.id.as_str()))]);
        let is_new = || Some(("attribute_not_exists(#name)".to_owned(), Vec::new()));
        let writes = [to_item(&stored)?, quote].map(|item| Self::put(&self.tables.orders, item, is_new()));
        self.transact(writes.into_iter()).await
    }

    async fn cancel_order(&self, id: &OrderId, at: Timestamp) -> Result<Conditional, PortError> {
        let call = self
            .client
            .update_item()
            .table_name(&self.tables.orders)
            .key("name", text(name_of(id)))
            .update_expression("SET cancelled_at = :at")
            .condition_expression("attribute_exists(#name) AND attribute_type(cancelled_at, :null)")
            .expression_attribute_names("#name", "name")
            .expression_attribute_values(":at", text(at.to_string()))
            .expression_attribute_values(":null", AttributeValue::S("NULL".to_owned()));
        match call.send().await.map_err(aws_sdk_dynamodb::error::SdkError::into_service_error) {
            Ok(_) => Ok(Conditional::Written),
            Err(aws_sdk_dynamodb::operation::update_item::UpdateItemError::ConditionalCheckFailedException(_)) => {
                Ok(Conditional::Superseded)
            }
            Err(error) => Err(PortError::unavailable("orders", error)),
        }
    }
}
