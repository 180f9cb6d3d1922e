locals {
  # `pattern`: the events that reach it through a queue. `cache`: the user it logs in as. `stream`: the table whose changes reach it.
  functions_as_built = {
    inventory-publisher = {
      description = "A stock change comes in, the inventory record moves, StockChanged goes out"
      memory_size = 512, timeout = 10, maximum_concurrency = null, pattern = null, cache = null, stream = null, schedule = null
    }
    pricing-calculator = {
      description = "Whatever event comes in, the price is worked out from the records, written if nobody was faster, and announced"
      memory_size = 1024, timeout = 20, maximum_concurrency = 100, pattern = "pricing-calculator.json", cache = null, stream = null, schedule = null
    }
    cache-writer = {
      description = "A committed price goes into the cache by one compare-and-set"
      memory_size = 512, timeout = 10, maximum_concurrency = 50, pattern = "cache-writer.json", cache = "writer", stream = "prices", schedule = null
    }
    low-stock-alert = {
      description = "One alert for one shortage"
      memory_size = 256, timeout = 10, maximum_concurrency = 50, pattern = "low-stock-alert.json", cache = null, stream = null, schedule = null
    }
    reconciler = {
      description = "Finds what the events missed, each minute"
      memory_size = 1024, timeout = 55, maximum_concurrency = null, pattern = null, cache = "writer", stream = null, schedule = "rate(1 minute)"
    }
    price-api = {
      description = "Prices, quotes, orders and administration over HTTP"
      memory_size = 1024, timeout = 10, maximum_concurrency = null, pattern = null, cache = "reader", stream = null, schedule = null
    }
  }
  functions = { for name, function in local.functions_as_built : name => merge(
    function,
    { reserved_concurrency = -1 },
    { for key, value in try(var.settings.functions[name], {}) : key => value if value != null },
  ) }
}

module "function" {
  source   = "../../modules/rust-lambda"
  for_each = local.functions

  name                 = "${local.prefix}-${each.key}"
  description          = each.value.description
  zip                  = "${var.zips}/${each.key}/bootstrap.zip"
  architectures        = var.settings.architectures
  memory_size          = each.value.memory_size
  timeout              = each.value.timeout
  reserved_concurrency = each.value.reserved_concurrency
  tracing              = var.settings.tracing.mode
  log_retention_days   = var.settings.logs.retention_days
  encryption           = local.encryption.messages

  environment = { for name in local.contract.variables[each.key] : name => local.variables[each.key][name] if lookup(local.variables[each.key], name, null) != null }
  statements  = local.statements[each.key]
  # A cache that is not ours knows no IAM users.
  calls = setsubtract(local.contract.actions[each.key], local.own_cache ? [] : ["elasticache:Connect"])
  keys = !var.settings.encryption.enabled ? {} : {
    Records  = { key_arn = local.encryption.records.key_arn, services = ["dynamodb"] }
    Messages = { key_arn = local.encryption.messages.key_arn, services = local.message_services[each.key] }
  }

  vpc = each.value.cache == null || !var.settings.network.enabled ? null : {
    subnet_ids         = module.network[0].subnet_ids
    security_group_ids = [module.network[0].functions_security_group_id]
  }

  queues          = each.value.pattern == null ? {} : { events = { arn = module.route[each.key].queue.arn, maximum_concurrency = each.value.maximum_concurrency } }
  streams         = each.value.stream == null ? {} : { (each.value.stream) = { arn = module.tables.stream_arns[each.value.stream] } }
  stream_failures = each.value.stream == null ? null : { arn = module.stream_failures.queue.arn }
  schedule        = each.value.schedule
}

locals {
  # Through which services a function touches encrypted messages: those that it calls, and the queue that it is fed from.
  message_services = { for name, function in local.functions : name => [
    for service in ["events", "sns", "sqs"] : service
    if anytrue([for call in local.contract.actions[name] : startswith(call, "${service}:")]) || (service == "sqs" && function.pattern != null)
  ] }

  named = { for name, route in module.route : name => "${name}=${route.queue.url}" }
  dead  = { for name, route in module.route : name => "${name}=${route.dead_letter_queue.url}" }

  # A value for each variable that some function reads; null leaves it out. A name that the code reads and that is not here fails the plan (outputs.tf).
  shared_variables = merge(
    { for name, table in module.tables.names : "PRICESTREAM_TABLE_${upper(name)}" => table },
    {
      PRICESTREAM_STAGE               = var.settings.stage
      PRICESTREAM_BUS                 = module.bus.name
      PRICESTREAM_QUEUE_QUARANTINE    = module.quarantine.queue.url
      PRICESTREAM_QUEUE_PRICING       = module.route["pricing-calculator"].queue.url
      PRICESTREAM_ALERT_TOPIC         = module.alerts.topic_arn
      PRICESTREAM_QUEUES              = join(",", values(local.named))
      PRICESTREAM_DEAD_LETTER_QUEUES  = join(",", concat(values(local.dead), ["quarantine=${module.quarantine.queue.url}"]))
      PRICESTREAM_CACHE_URL           = local.cache_url
      PRICESTREAM_ADMIN_TOKEN_SHA256  = var.tokens.admin_sha256
      PRICESTREAM_INGEST_TOKEN_SHA256 = var.tokens.ingest_sha256
      PRICESTREAM_LOG                 = var.settings.logs.filter
      OTEL_EXPORTER_OTLP_ENDPOINT     = var.settings.tracing.otlp_endpoint
    },
  )
  variables = { for name, function in local.functions : name => merge(local.shared_variables, {
    PRICESTREAM_CACHE_NAME = local.own_cache ? module.cache[0].name : null
    PRICESTREAM_CACHE_USER = local.own_cache && function.cache != null ? module.cache[0].users[coalesce(function.cache, "reader")].name : null
  }) }

  unset = flatten([for name, read in local.contract.variables : setsubtract(read, keys(local.variables[name]))])
}
