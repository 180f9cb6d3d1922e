# The one table of alarms. A row's runbook is docs/runbooks/<runbook>.md; limits are the objectives, not what one machine measured.
locals {
  own = { # metrics of our own, by the name that the code has for them
    for key, name in local.contract.metrics : key => { namespace = local.contract.namespace, name = name }
  }
  of_function = { for name in keys(local.functions) : name => {
    FunctionName = module.function[name].name
    Resource     = "${module.function[name].name}:${module.function[name].alias.name}"
  } }
  nodes = local.own_cache ? module.cache[0].node_ids : []

  function_alarms = merge([for name, function in local.functions : {
    "${name}-errors" = {
      description = "Calls of ${name} fail.", service = name, severity = "ticket", runbook = "errors"
      metric      = { namespace = "AWS/Lambda", name = "Errors", dimensions = local.of_function[name], statistic = "Sum" }
      threshold   = 0, periods = 5, datapoints = 3
    }
    "${name}-throttles" = {
      description = "Calls of ${name} are turned away for want of concurrency.", service = name, severity = "page", runbook = "throttles"
      metric      = { namespace = "AWS/Lambda", name = "Throttles", dimensions = local.of_function[name], statistic = "Sum" }
      threshold   = 0, periods = 5, datapoints = 3
    }
    "${name}-duration" = {
      description = "One call of ${name} in a hundred takes more than 80 % of its time limit.", service = name, severity = "ticket", runbook = "duration"
      metric      = { namespace = "AWS/Lambda", name = "Duration", dimensions = local.of_function[name], statistic = "p99" }
      threshold   = 800 * function.timeout, periods = 5, datapoints = 3
    }
  }]...)

  dead_letter_alarms = merge([for name, dead in local.dead_letters : {
    "${name}-dead-letters" = {
      description = "Messages wait in ${dead.queue.name}.", service = dead.service, severity = "ticket", runbook = "dead-letters"
      metric      = { namespace = "AWS/SQS", name = "ApproximateNumberOfMessagesVisible", dimensions = { QueueName = dead.queue.name }, statistic = "Maximum" }
      threshold   = 0
    }
    "${name}-dead-letters-many" = {
      description = "More than 50 messages wait in ${dead.queue.name}.", service = dead.service, severity = "page", runbook = "dead-letters-many"
      metric      = { namespace = "AWS/SQS", name = "ApproximateNumberOfMessagesVisible", dimensions = { QueueName = dead.queue.name }, statistic = "Maximum" }
      threshold   = 50
    }
  }]...)

  route_alarms = merge([for name, route in module.route : {
    "${name}-queue-age" = {
      description = "The oldest message of ${name} has waited for more than 30 s.", service = name, severity = "page", runbook = "queue-age"
      metric      = { namespace = "AWS/SQS", name = "ApproximateAgeOfOldestMessage", dimensions = { QueueName = route.queue.name }, statistic = "Maximum" }
      threshold   = 30, periods = 3
    }
    "${name}-event-latency" = {
      description = "Events reach the queue of ${name} more than 30 s after they were put on the bus.", service = name, severity = "page", runbook = "event-latency"
      metric = {
        namespace  = "AWS/Events", name = "IngestionToInvocationSuccessLatency", statistic = "p99"
        dimensions = { EventBusName = module.bus.name, RuleName = route.rule_name }
      }
      threshold = 30000, periods = 3
    }
  }]...)

  table_alarms = { for name, table in module.tables.names : "${name}-table-throttles" => {
    description = "DynamoDB turns away calls to the table ${name}.", service = "price-api", severity = "ticket", runbook = "table-throttles"
    formula     = "FILL(reads, 0) + FILL(writes, 0)"
    metrics = {
      reads  = { namespace = "AWS/DynamoDB", name = "ReadThrottleEvents", dimensions = { TableName = table }, statistic = "Sum" }
      writes = { namespace = "AWS/DynamoDB", name = "WriteThrottleEvents", dimensions = { TableName = table }, statistic = "Sum" }
    }
    threshold = 0, periods = 3
  } }

  cache_alarms = merge([for index, node in local.nodes : {
    "cache-${index + 1}-cpu" = {
      description = "The engine of cache node ${node} is busy for more than 80 % of the time.", service = "cache-writer", severity = "ticket", runbook = "cache-cpu"
      metric      = { namespace = "AWS/ElastiCache", name = "EngineCPUUtilization", dimensions = { CacheClusterId = node }, statistic = "Average" }
      threshold   = 80, periods = 5
    }
    "cache-${index + 1}-memory" = {
      description = "More than 75 % of the memory of cache node ${node} is in use.", service = "cache-writer", severity = "ticket", runbook = "cache-memory"
      metric      = { namespace = "AWS/ElastiCache", name = "DatabaseMemoryUsagePercentage", dimensions = { CacheClusterId = node }, statistic = "Maximum" }
      threshold   = 75, periods = 5
    }
    "cache-${index + 1}-evictions" = {
      description = "Cache node ${node} throws prices out for want of memory.", service = "cache-writer", severity = "page", runbook = "cache-evictions"
      metric      = { namespace = "AWS/ElastiCache", name = "Evictions", dimensions = { CacheClusterId = node }, statistic = "Sum" }
      threshold   = 0, periods = 3
    }
  }]...)

  mismatch_alarms = { for kind in ["record", "cache"] : "mismatches-${kind}" => {
    description = "The reconciler keeps finding ${kind == "record" ? "records that their inputs have left behind" : "cache entries that differ from their records"}."
    service     = "reconciler", severity = "page", runbook = "mismatches"
    metric      = merge(local.own.mismatches, { dimensions = { service = "reconciler", kind = kind }, statistic = "Sum" })
    threshold   = 0, periods = 2
  } }

  error_share = "IF(FILL(requests, 0) > 100, 100 * FILL(failed, 0) / requests, 0)"
  error_metrics = {
    failed   = { namespace = "AWS/ApiGateway", name = "5xx", dimensions = { ApiId = module.api.id }, statistic = "Sum" }
    requests = { namespace = "AWS/ApiGateway", name = "Count", dimensions = { ApiId = module.api.id }, statistic = "Sum" }
  }

  single_alarms = {
    freshness = {
      description = "One price in a hundred is cached more than 1 s after its stock change.", service = "cache-writer", severity = "page", runbook = "freshness"
      metric      = merge(local.own.freshness, { dimensions = { service = "cache-writer" }, statistic = "p99" })
      threshold   = 1, periods = 3
    }
    fast-path = {
      description = "Fewer than 80 % of the prices reach the cache by event, the others wait for the stream.", service = "cache-writer", severity = "ticket", runbook = "fast-path"
      formula     = "IF(FILL(event, 0) + FILL(stream, 0) > 20, 100 * FILL(event, 0) / (FILL(event, 0) + FILL(stream, 0)), 100)"
      metrics = { for path in ["event", "stream"] : path => merge(local.own.cache_writes, {
        dimensions = { service = "cache-writer", path = path, result = "applied" }, statistic = "Sum"
      }) }
      comparison = "LessThanThreshold", threshold = 80, period = 300, periods = 3
    }
    stream-age = {
      description = "Changes of the price table wait for more than 30 s in its stream.", service = "cache-writer", severity = "page", runbook = "stream-age"
      metric      = { namespace = "AWS/Lambda", name = "IteratorAge", dimensions = local.of_function.cache-writer, statistic = "Maximum" }
      threshold   = 30000, periods = 3
    }
    reconciler-silent = {
      description = "The reconciler has not run for five minutes.", service = "reconciler", severity = "page", runbook = "reconciler-silent"
      metric      = { namespace = "AWS/Lambda", name = "Invocations", dimensions = local.of_function.reconciler, statistic = "Sum" }
      comparison  = "LessThanThreshold", threshold = 1, periods = 5, missing = "breaching"
    }
    refused-prices = {
      description = "Items are refused a price.", service = "pricing-calculator", severity = "ticket", runbook = "refused-prices"
      metric      = merge(local.own.decisions, { dimensions = { service = "pricing-calculator", result = "refused" }, statistic = "Sum" })
      threshold   = 0, period = 300
    }
    settings-refused = {
      description = "A settings document cannot be used; the last good one stays in force.", service = "pricing-calculator", severity = "ticket", runbook = "settings-refused"
      formula     = "FILL(calculator, 0) + FILL(reconciler, 0) + FILL(api, 0)"
      metrics = { for id, service in { calculator = "pricing-calculator", reconciler = "reconciler", api = "price-api" } : id => merge(
        local.own.settings_refused, { dimensions = { service = service }, statistic = "Sum" },
      ) }
      threshold = 0, period = 300
    }
    rollout-stopped = {
      description = "A rollout of strategies did harm and was stopped.", service = "reconciler", severity = "ticket", runbook = "rollout-stopped"
      metric      = merge(local.own.rollouts_stopped, { dimensions = { service = "reconciler" }, statistic = "Sum" })
      threshold   = 0, period = 300
    }
    quote-risks = {
      description = "Quotes are blocked by a guard.", service = "price-api", severity = "ticket", runbook = "quote-risks"
      formula     = "SELECT SUM(${local.own.risks.name}) FROM SCHEMA(\"${local.own.risks.namespace}\", \"action\", \"guard\", service) WHERE \"action\" = 'block'"
      threshold   = 0, period = 300
    }
    component-failures = {
      description = "Promotion components fail.", service = "price-api", severity = "ticket", runbook = "component-failures"
      metric      = merge(local.own.component_failures, { dimensions = { service = "price-api" }, statistic = "Sum" })
      threshold   = 0, period = 300
    }
    components-out = {
      description = "Promotion components are left out of every quote.", service = "price-api", severity = "page", runbook = "components-out"
      metric      = merge(local.own.components_out, { dimensions = { service = "price-api" }, statistic = "Maximum" })
      threshold   = 0, periods = 3
    }
    # An objective of 99.95 %: at these rates a month's allowance would be gone in two days, or in five.
    api-errors-fast = {
      description = "More than 0.7 % of an hour's requests fail.", service = "price-api", severity = "page", runbook = "api-errors"
      formula     = local.error_share, metrics = local.error_metrics
      threshold   = 0.7, period = 3600
    }
    api-errors-slow = {
      description = "More than 0.3 % of six hours' requests fail.", service = "price-api", severity = "ticket", runbook = "api-errors"
      formula     = local.error_share, metrics = local.error_metrics
      threshold   = 0.3, period = 21600
    }
    api-latency = {
      description = "One request in a hundred takes more than 500 ms.", service = "price-api", severity = "ticket", runbook = "api-latency"
      metric      = { namespace = "AWS/ApiGateway", name = "Latency", dimensions = { ApiId = module.api.id }, statistic = "p99" }
      threshold   = 500, periods = 5, datapoints = 3
    }
  }
}

module "observability" {
  source         = "../../modules/observability"
  prefix         = local.prefix
  runbooks       = var.settings.alarms.runbooks
  service_alarms = var.settings.alarms.by_service
  emails         = { page = var.settings.alarms.page, ticket = var.settings.alarms.ticket }
  alarms = merge(
    local.function_alarms, local.dead_letter_alarms, local.route_alarms, local.table_alarms, local.cache_alarms, local.mismatch_alarms,
    local.single_alarms,
  )
  dashboard = local.dashboard
  budget = var.settings.budget == null ? null : {
    monthly_usd = var.settings.budget.monthly_usd
    emails      = var.settings.budget.emails
    service     = "pricestream"
  }
  encryption = local.encryption.messages
}
