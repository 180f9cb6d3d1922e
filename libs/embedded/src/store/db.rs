use std::sync::Arc;

use foldhash::{HashMap, HashMapExt};
use pricestream_documents::ContentHash;
use pricestream_domain::{Lane, Override, Product, RecordRev, Sku};
use pricestream_ports::{PriceRecord, ProductRecord, PublishedRules};
use pricestream_repricing_engine::{Policy, Resolved};
use rusqlite::{Connection, OptionalExtension, Result, params};

use super::codes::unreadable;
use super::newest::Newest;

/// The connection, and what is remembered of the file. Numbers of SKUs and documents by number never change in it; the
/// newest records are kept by their only writer.
#[derive(Debug)]
pub(super) struct Db {
    pub(super) conn: Connection,
    numbers: HashMap<Sku, i64>,
    documents: HashMap<i64, Document>,
    document_numbers: HashMap<ContentHash, i64>,
    hashes: HashMap<i64, ContentHash>,
    pub(super) newest: Newest,
    /// Where pages of history ended: the first row before that revision of that SKU, if any. Without it the rows of each page would be
    /// counted off from the newest again.
    pub(super) pages: HashMap<(i64, RecordRev), Option<i64>>,
    /// No record is due before this instant, in microseconds; kept by a store that is open to write.
    pub(super) nothing_due_before: Option<i64>,
    /// Images of the price records written since they were last taken.
    pub(super) images: Vec<PriceRecord>,
    /// Nobody else writes the file.
    pub(super) is_writer: bool,
    /// Why the turn under way cannot be committed.
    pub(super) failed: Option<rusqlite::Error>,
}

/// A document ready for use.
#[derive(Clone, Debug)]
enum Document {
    Product(Arc<ProductRecord>),
    Policy(Arc<Resolved>),
    Override(Arc<Override>),
    Rules(Arc<PublishedRules>),
}

impl Db {
    pub(super) fn new(conn: Connection, is_writer: bool) -> Self {
        Self {
            conn,
            is_writer,
            numbers: HashMap::new(),
            documents: HashMap::new(),
            document_numbers: HashMap::new(),
            hashes: HashMap::new(),
            newest: Newest::default(),
            pages: HashMap::new(),
            nothing_due_before: None,
            images: Vec::new(),
            failed: None,
        }
    }

    /// After a rollback the numbers given in it are free again.
    pub(super) fn forget(&mut self) {
        self.numbers.clear();
        self.documents.clear();
        self.document_numbers.clear();
        self.hashes.clear();
        self.newest = Newest::default();
        self.pages.clear();
        self.nothing_due_before = None;
        self.images.clear();
        self.failed = None;
    }

    /// The number of a SKU; `None` when the store has never heard of it.
    pub(super) fn number(&mut self, sku: &Sku) -> Result<Option<i64>> {
        if let Some(number) = self.numbers.get(sku) {
            return Ok(Some(*number));
        }
        let mut select = self.conn.prepare_cached("SELECT id FROM skus WHERE sku = ?1")?;
        let found = select.query_row([sku.as_str()], |row| row.get(0)).optional()?;
        if let Some(number) = found {
            self.numbers.insert(sku.clone(), number);
        }
        Ok(found)
    }

    /// The number of a SKU, given to it now if need be.
    pub(super) fn number_or_new(&mut self, sku: &Sku) -> Result<i64> {
        if let Some(number) = self.number(sku)? {
            return Ok(number);
        }
        self.conn.prepare_cached("INSERT INTO skus (sku) VALUES (?1)")?.execute([sku.as_str()])?;
        let number = self.conn.last_insert_rowid();
        self.numbers.insert(sku.clone(), number);
        Ok(number)
    }

    /// The number of a document, kept by its hash, once.
    pub(super) fn put_document(&mut self, hash: ContentHash, body: impl FnOnce() -> Result<String>) -> Result<i64> {
        if let Some(number) = self.document_numbers.get(&hash) {
            return Ok(*number);
        }
        let found = self
            .conn
            .prepare_cached("SELECT id FROM documents WHERE hash = ?1")?
            .query_row([hash.as_bytes()], |row| row.get(0))
            .optional()?;
        let number = if let Some(number) = found {
            number
        } else {
            let body = body()?;
            self.conn
                .prepare_cached("INSERT INTO documents (hash, body) VALUES (?1, ?2)")?
                .execute(params![hash.as_bytes(), body])?;
            self.conn.last_insert_rowid()
        };
        self.document_numbers.insert(hash, number);
        self.hashes.insert(number, hash);
        Ok(number)
    }

    pub(super) fn put_json(&mut self, hash: ContentHash, value: &impl serde::Serialize) -> Result<i64> {
        self.put_document(hash, || serde_json::to_string(value).map_err(unreadable))
    }

    /// The number of a document that hardly any other record shares: kept once as well, and not remembered.
    pub(super) fn put_rare(&self, value: &impl serde::Serialize) -> Result<i64> {
        let body = serde_json::to_string(value).map_err(unreadable)?;
        let hash = ContentHash::of(body.as_bytes());
        let found = self
            .conn
            .prepare_cached("SELECT id FROM documents WHERE hash = ?1")?
            .query_row([hash.as_bytes()], |row| row.get(0))
            .optional()?;
        if let Some(number) = found {
            return Ok(number);
        }
        self.conn
            .prepare_cached("INSERT INTO documents (hash, body) VALUES (?1, ?2)")?
            .execute(params![hash.as_bytes(), body])?;
        Ok(self.conn.last_insert_rowid())
    }

    /// What `put_rare` kept.
    pub(super) fn rare<T: serde::de::DeserializeOwned>(&self, number: i64) -> Result<T> {
        serde_json::from_str(&self.document_text(number)?.1).map_err(unreadable)
    }

    /// A lane that `put_rare` kept.
    pub(super) fn lane(&self, number: Option<i64>) -> Result<Option<Arc<Lane>>> {
        number.map(|number| self.rare::<Lane>(number).map(Arc::new)).transpose()
    }

    /// The rule set in document `number`; `None` if this program cannot read it.
    pub(super) fn rules(&mut self, number: i64) -> Result<Option<Arc<PublishedRules>>> {
        if let Some(Document::Rules(rules)) = self.documents.get(&number) {
            return Ok(Some(Arc::clone(rules)));
        }
        let (_, text) = self.document_text(number)?;
        let Ok(rules) = PublishedRules::read(text.into()) else { return Ok(None) };
        let rules = Arc::new(rules);
        self.documents.insert(number, Document::Rules(Arc::clone(&rules)));
        Ok(Some(rules))
    }

    /// The text of a document.
    pub(super) fn document_text(&self, number: i64) -> Result<(ContentHash, String)> {
        let mut select = self.conn.prepare_cached("SELECT hash, body FROM documents WHERE id = ?1")?;
        select.query_row([number], |row| {
            let hash: Vec<u8> = row.get(0)?;
            let hash = <[u8; 16]>::try_from(hash).map_err(|_| unreadable("a document's hash has not 16 bytes"))?;
            Ok((ContentHash::from_bytes(hash), row.get(1)?))
        })
    }

    /// The catalogue line in document `number`, as change number `rev`.
    pub(super) fn product(&mut self, number: i64, rev: u64) -> Result<Arc<ProductRecord>> {
        if let Some(Document::Product(product)) = self.documents.get(&number)
            && product.rev == rev
        {
            return Ok(Arc::clone(product));
        }
        let (hash, text) = self.document_text(number)?;
        let product: Product = serde_json::from_str(&text).map_err(unreadable)?;
        let product = Arc::new(ProductRecord { product, rev, hash });
        self.documents.insert(number, Document::Product(Arc::clone(&product)));
        Ok(product)
    }

    /// The policy in document `number`.
    pub(super) fn policy(&mut self, number: i64) -> Result<Arc<Resolved>> {
        if let Some(Document::Policy(policy)) = self.documents.get(&number) {
            return Ok(Arc::clone(policy));
        }
        let (hash, text) = self.document_text(number)?;
        let policy: Policy = serde_json::from_str(&text).map_err(unreadable)?;
        let policy = Arc::new(Resolved { policy, hash });
        self.documents.insert(number, Document::Policy(Arc::clone(&policy)));
        Ok(policy)
    }

    /// The override in document `number`.
    pub(super) fn override_(&mut self, number: i64) -> Result<Arc<Override>> {
        if let Some(Document::Override(override_)) = self.documents.get(&number) {
            return Ok(Arc::clone(override_));
        }
        let (_, text) = self.document_text(number)?;
        let override_: Arc<Override> = Arc::new(serde_json::from_str(&text).map_err(unreadable)?);
        self.documents.insert(number, Document::Override(Arc::clone(&override_)));
        Ok(override_)
    }

    /// The hash of a document that was read or written before, or is read now.
    pub(super) fn document_hash(&mut self, number: i64) -> Result<ContentHash> {
        if let Some(hash) = self.hashes.get(&number) {
            return Ok(*hash);
        }
        let mut select = self.conn.prepare_cached("SELECT hash FROM documents WHERE id = ?1")?;
        let hash: Vec<u8> = select.query_row([number], |row| row.get(0))?;
        let hash = <[u8; 16]>::try_from(hash).map_err(|_| unreadable("a document's hash has not 16 bytes"))?;
        let hash = ContentHash::from_bytes(hash);
        self.hashes.insert(number, hash);
        Ok(hash)
    }
}
