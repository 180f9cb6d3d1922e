module "bus" {
  source       = "../../modules/event-bus"
  name         = local.prefix
  archive_days = var.settings.events.archive_days
  encryption   = local.encryption.messages
  publishers = { for name, sources in local.speaks_for : replace(title(name), "-", "") => {
    role_arn = module.function[name].role_arn
    sources  = sources
  } }
}

locals {
  # In whose name each function puts events on the bus.
  speaks_for = {
    inventory-publisher = ["pricestream.inventory"]
    pricing-calculator  = ["pricestream.pricing"]
    reconciler          = ["pricestream.reconciler"]
    price-api           = ["pricestream.catalogue", "pricestream.inventory", "pricestream.reconciler"]
  }
}

# From the bus through a queue to each function that listens.
module "route" {
  source             = "../../modules/event-route"
  for_each           = { for name, function in local.functions : name => function if function.pattern != null }
  name               = "${local.prefix}-${each.key}"
  bus_name           = module.bus.name
  pattern            = file("${local.patterns}/${each.value.pattern}")
  visibility_timeout = 6 * each.value.timeout
  encryption         = local.encryption.messages
}

# Messages that can never be handled, with the reason as an attribute.
module "quarantine" {
  source     = "../../modules/dead-letter-queue"
  name       = "${local.prefix}-quarantine"
  encryption = local.encryption.messages
}

# Where in the stream of prices records were given up. The records themselves are in the table, and the reconciler compares.
module "stream_failures" {
  source     = "../../modules/dead-letter-queue"
  name       = "${local.prefix}-stream-failures"
  encryption = local.encryption.messages
}

locals {
  # Every queue for what failed, with the service whose failure it is.
  dead_letters = merge(
    { for name, route in module.route : name => { service = name, queue = route.dead_letter_queue } },
    {
      quarantine      = { service = "pricing-calculator", queue = module.quarantine.queue }
      stream-failures = { service = "cache-writer", queue = module.stream_failures.queue }
      reconciler      = { service = "reconciler", queue = module.function["reconciler"].dead_letter_queue }
      bus             = { service = "inventory-publisher", queue = module.bus.undelivered_queue }
      low-stock       = { service = "low-stock-alert", queue = module.alerts.undelivered_queue }
    },
  )
  # Queues that functions in the network talk to.
  queues = merge(
    { for name, route in module.route : name => route.queue },
    { for name, route in module.route : "${name}-dlq" => route.dead_letter_queue },
    { quarantine = module.quarantine.queue },
  )
}
