locals {
  prefix = "pricestream-${var.settings.stage}"

  # Names that the code is compiled with: metrics, variables, and the actions that it calls. A test of the code holds this file to it.
  contract = jsondecode(file("${path.module}/../../contract.json"))

  # Where the code keeps the patterns of the events that each of its queues takes.
  patterns = "${path.module}/../../../libs/event-schema/patterns"

  tables_of = {
    inventory = { partition_key = { name = "sku" } }
    prices = {
      partition_key = { name = "sku" }
      indexes       = { due = { partition_key = { name = "due_shard" }, sort_key = { name = "due_at", type = "N" }, projection = "KEYS_ONLY" } }
      stream        = "NEW_IMAGE"
    }
    history = { partition_key = { name = "sku" }, sort_key = { name = "record_rev", type = "N" } }
    catalogue = {
      partition_key = { name = "sku" }
      sort_key      = { name = "part" }
      indexes       = { skus = { partition_key = { name = "list" }, sort_key = { name = "sku" }, projection = "KEYS_ONLY" } }
    }
    documents = { partition_key = { name = "name" }, sort_key = { name = "part", type = "N" } }
    alerts = {
      partition_key = { name = "sku" }
      sort_key      = { name = "part" }
      indexes       = { told = { partition_key = { name = "list" }, sort_key = { name = "at", type = "N" }, projection = "ALL" } }
    }
    usage = {
      partition_key = { name = "name" }
      sort_key      = { name = "part" }
      indexes       = { held = { partition_key = { name = "held_shard" }, sort_key = { name = "expires_at", type = "N" }, projection = "ALL" } }
      ttl_attribute = "forget_at"
    }
    orders = { partition_key = { name = "name" } }
  }

  own_cache = var.settings.cache.url == null
  cache_url = local.own_cache ? module.cache[0].url : var.settings.cache.url
}

module "tables" {
  source                 = "../../modules/tables"
  prefix                 = local.prefix
  tables                 = local.tables_of
  point_in_time_recovery = var.settings.tables.point_in_time_recovery
  deletion_protection    = var.settings.tables.deletion_protection
  encryption             = local.encryption.records
}

module "network" {
  source             = "../../modules/network"
  count              = var.settings.network.enabled ? 1 : 0
  name               = local.prefix
  cidr               = var.settings.network.cidr
  zones              = var.settings.network.zones
  log_retention_days = var.settings.logs.retention_days
  encryption         = local.encryption.messages

  # Only what the functions in there call, and only ours.
  gateways = {
    dynamodb = {
      actions   = local.calls_from_network.dynamodb
      resources = flatten([values(module.tables.arns), [for indexes in values(module.tables.index_arns) : values(indexes)]])
    }
  }
  interfaces = {
    events = { actions = local.calls_from_network.events, resources = [module.bus.arn] }
    sqs    = { actions = local.calls_from_network.sqs, resources = [for queue in values(local.queues) : queue.arn] }
  }
}

locals {
  calls_from_network = { for service in ["dynamodb", "events", "sqs"] : service => distinct(flatten([
    for name, function in local.functions : [for call in local.contract.actions[name] : call if startswith(call, "${service}:")] if function.cache != null
  ])) }
}

module "cache" {
  source                   = "../../modules/cache"
  count                    = local.own_cache ? 1 : 0
  name                     = local.prefix
  vpc_id                   = module.network[0].vpc_id
  subnet_ids               = module.network[0].subnet_ids
  client_security_group_id = module.network[0].functions_security_group_id
  node_type                = var.settings.cache.node_type
  nodes                    = var.settings.cache.nodes
  encryption               = local.encryption.records
}

module "alerts" {
  source        = "../../modules/alerts"
  name          = "${local.prefix}-low-stock"
  subscriptions = var.settings.alerts.subscriptions
  encryption    = local.encryption.messages
}

module "api" {
  source = "../../modules/price-api"
  name   = local.prefix
  routes = {
    inventory-publisher = {
      function_name = module.function["inventory-publisher"].name
      alias         = module.function["inventory-publisher"].alias
      route_keys    = ["POST /v1/stock-changes"]
    }
    price-api = {
      function_name = module.function["price-api"].name
      alias         = module.function["price-api"].alias
      route_keys    = ["$default"]
    }
  }
  throttle           = { rate = var.settings.api.rate, burst = var.settings.api.burst }
  cors_origins       = var.settings.api.cors_origins
  log_retention_days = var.settings.logs.retention_days
  encryption         = local.encryption.messages
}
