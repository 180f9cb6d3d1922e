use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::handler::Handler;
use axum::http::{HeaderValue, Method, Uri, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, MethodRouter};
use pricestream_telemetry::RequestCounters;

use crate::api::{Api, World};
use crate::openapi::{Document, Operation};
use crate::problem::{Code, Problem};

/// Routes and their description, in one place: what is served is described, and the other way round.
pub(crate) struct Routes<W: World> {
    api: Arc<Api<W>>,
    router: Router<Arc<Api<W>>>,
    described: Vec<Described>,
}

type Described = (Method, &'static str, Operation);

/// A handler of routes over `W`.
pub(crate) type ApiState<W> = State<Arc<Api<W>>>;

impl<W: World> Routes<W> {
    pub(crate) fn new(api: &Arc<Api<W>>) -> Self {
        Self { api: Arc::clone(api), router: Router::new(), described: Vec::new() }
    }

    /// Serves and describes one route. Problems are rendered and requests counted around it; what lies under
    /// `/v1/admin/` needs the admin token.
    pub(crate) fn add<T: 'static>(
        &mut self,
        method: &Method,
        path: &'static str,
        handler: impl Handler<T, Arc<Api<W>>>,
        operation: Operation,
    ) {
        let mut route = MethodRouter::new().on(filter(method), handler);
        if path.starts_with(ADMIN) {
            route = route.route_layer(from_fn_with_state(Arc::clone(&self.api), guard::<W>));
        }
        let requests = Arc::new(self.api.metrics.requests(path));
        self.serve(method, path, route.route_layer(from_fn_with_state(requests, observe)), operation);
    }

    /// As `add`, for the one route whose every microsecond counts: nothing is around it, so the handler renders its
    /// problems and counts its requests itself.
    pub(crate) fn add_bare<T: 'static, H: Handler<T, Arc<Api<W>>>>(
        &mut self,
        method: &Method,
        path: &'static str,
        handler: impl FnOnce(RequestCounters) -> H,
        operation: Operation,
    ) {
        let handler = handler(self.api.metrics.requests(path));
        self.serve(method, path, MethodRouter::new().on(filter(method), handler), operation);
    }

    fn serve(&mut self, method: &Method, path: &'static str, route: MethodRouter<Arc<Api<W>>>, operation: Operation) {
        self.described.push((method.clone(), path, operation));
        self.router = std::mem::take(&mut self.router).route(path, route);
    }

    pub(crate) fn finish(mut self) -> Router {
        let operation = Operation::new("operations", "This document").answers_any(200, "An OpenAPI document", "application/json");
        // Made when somebody asks for it: a function that starts for one price has no time for it.
        let document = Arc::new(OnceLock::<Bytes>::new());
        let described = Arc::new(Mutex::new(Vec::<Described>::new()));
        let all = Arc::clone(&described);
        let serve = move || async move {
            let made = document.get_or_init(|| {
                let described = std::mem::take(&mut *all.lock().unwrap_or_else(PoisonError::into_inner));
                let mut document = Document::new();
                for (method, path, operation) in described {
                    document.describe(&method, path, path.starts_with(ADMIN), operation);
                }
                document.finish().to_string().into()
            });
            ([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], made.clone())
        };
        self.add(&Method::GET, "/openapi.json", serve, operation);
        *described.lock().unwrap_or_else(PoisonError::into_inner) = self.described;
        self.router.method_not_allowed_fallback(bad_method).fallback(unknown_route).with_state(self.api)
    }
}

const ADMIN: &str = "/v1/admin/";

fn filter(method: &Method) -> MethodFilter {
    MethodFilter::try_from(method.clone()).expect("routes have plain methods")
}

async fn observe(State(requests): State<Arc<RequestCounters>>, request: Request, next: Next) -> Response {
    let uri = request.uri().clone();
    let mut response = next.run(request).await;
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        response = problem.respond(uri.path());
    }
    requests.count(response.status().as_u16());
    response
}

async fn guard<W: World>(State(api): ApiState<W>, request: Request, next: Next) -> Response {
    match api.tokens.admit_admin(request.headers()) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

async fn unknown_route(uri: Uri) -> Response {
    Problem::new(Code::UnknownRoute, "see /openapi.json for the routes").respond(uri.path())
}

async fn bad_method(uri: Uri) -> Response {
    Problem::new(Code::BadMethod, "the `Allow` header lists the methods of this route").respond(uri.path())
}
