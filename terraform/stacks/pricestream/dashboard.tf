locals {
  dashboard = concat(
    [
      {
        title = "Freshness: from the stock change to the cached price"
        widgets = [
          { title = "Freshness, s", formulas = {}, metrics = [for p in ["p50", "p99", "p99.9"] : merge(local.own.freshness, { dimensions = { service = "cache-writer" }, statistic = p, label = p })] },
          { title = "Lag up to each hop, p99, s", formulas = {}, metrics = [for service in ["pricing-calculator", "low-stock-alert", "cache-writer"] : merge(local.own.hop_lag, { dimensions = { service = service }, statistic = "p99", label = service })] },
          { title = "Bus to queue, p99, ms", formulas = {}, metrics = [for name, route in module.route : {
            namespace = "AWS/Events", name = "IngestionToInvocationSuccessLatency", dimensions = { EventBusName = module.bus.name, RuleName = route.rule_name }, statistic = "p99", label = name
          }] },
          { title = "Oldest message and stream record, s and ms", formulas = {}, metrics = concat(
            [for name, route in module.route : { namespace = "AWS/SQS", name = "ApproximateAgeOfOldestMessage", dimensions = { QueueName = route.queue.name }, statistic = "Maximum", label = name }],
            [{ namespace = "AWS/Lambda", name = "IteratorAge", dimensions = local.of_function.cache-writer, statistic = "Maximum", label = "stream of prices, ms" }],
          ) },
        ]
      },
      {
        title = "Correctness: what the reconciler mends, and who is faster"
        widgets = [
          { title = "Mended by the reconciler", formulas = {}, metrics = [for kind in ["record", "cache", "due"] : merge(local.own.mismatches, { dimensions = { service = "reconciler", kind = kind }, statistic = "Sum", label = kind })] },
          { title = "Cache writes that counted, by path", formulas = {}, metrics = [for path in ["event", "stream"] : merge(local.own.cache_writes, { dimensions = { service = "cache-writer", path = path, result = "applied" }, statistic = "Sum", label = path })] },
          { title = "Decisions", formulas = {}, metrics = [for result in ["changed", "kept", "skipped", "refused"] : merge(local.own.decisions, { dimensions = { service = "pricing-calculator", result = result }, statistic = "Sum", label = result })] },
          { title = "Guardrails and write conflicts", formulas = {}, metrics = [for key in ["clamps", "conflicts"] : merge(local.own[key], { dimensions = { service = "pricing-calculator" }, statistic = "Sum", label = key })] },
        ]
      },
      {
        title = "Failures"
        widgets = [
          { title = "Errors of functions", formulas = {}, metrics = [for name, dimensions in local.of_function : { namespace = "AWS/Lambda", name = "Errors", dimensions = dimensions, statistic = "Sum", label = name }] },
          { title = "Throttles of functions", formulas = {}, metrics = [for name, dimensions in local.of_function : { namespace = "AWS/Lambda", name = "Throttles", dimensions = dimensions, statistic = "Sum", label = name }] },
          { title = "Messages given up or set aside", formulas = {}, metrics = [for name, dead in local.dead_letters : { namespace = "AWS/SQS", name = "ApproximateNumberOfMessagesVisible", dimensions = { QueueName = dead.queue.name }, statistic = "Maximum", label = name }] },
          { title = "Left to redelivery", formulas = {}, metrics = [for name in keys(module.route) : merge(local.own.retried, { dimensions = { service = name }, statistic = "Sum", label = name })] },
        ]
      },
      {
        title = "The API and the shop"
        widgets = [
          { title = "Requests", formulas = {}, metrics = [for name in ["Count", "4xx", "5xx"] : { namespace = "AWS/ApiGateway", name = name, dimensions = { ApiId = module.api.id }, statistic = "Sum", label = name }] },
          { title = "Latency, ms", formulas = {}, metrics = [for p in ["p50", "p99", "p99.9"] : { namespace = "AWS/ApiGateway", name = "Latency", dimensions = { ApiId = module.api.id }, statistic = p, label = p }] },
          { title = "Stock changes", formulas = {}, metrics = [for result in ["applied", "repeated", "stale", "conflict", "rejected", "failed"] : merge(local.own.stock_changes, { dimensions = { service = "inventory-publisher", result = result }, statistic = "Sum", label = result })] },
          { title = "Quotes, orders, alerts", formulas = {}, metrics = [for key, service in { quotes = "price-api", orders = "price-api", alerts = "low-stock-alert" } : merge(local.own[key], { dimensions = { service = service }, statistic = "Sum", label = key })] },
        ]
      },
      {
        title = "Cost: what is paid by use"
        widgets = [
          { title = "Calls of functions", formulas = {}, metrics = [for name, dimensions in local.of_function : { namespace = "AWS/Lambda", name = "Invocations", dimensions = dimensions, statistic = "Sum", label = name }] },
          { title = "Concurrency of functions", formulas = {}, metrics = [for name, dimensions in local.of_function : { namespace = "AWS/Lambda", name = "ConcurrentExecutions", dimensions = dimensions, statistic = "Maximum", label = name }] },
          { title = "Write units of tables", formulas = {}, metrics = [for name, table in module.tables.names : { namespace = "AWS/DynamoDB", name = "ConsumedWriteCapacityUnits", dimensions = { TableName = table }, statistic = "Sum", label = name }] },
          { title = "Read units of tables", formulas = {}, metrics = [for name, table in module.tables.names : { namespace = "AWS/DynamoDB", name = "ConsumedReadCapacityUnits", dimensions = { TableName = table }, statistic = "Sum", label = name }] },
        ]
      },
    ],
    !local.own_cache ? [] : [{
      title = "Cache"
      widgets = [for title, name in { "Engine, %" = "EngineCPUUtilization", "Memory, %" = "DatabaseMemoryUsagePercentage", "Evictions" = "Evictions", "Replication lag, s" = "ReplicationLag" } : {
        title = title, formulas = {}, metrics = [for node in local.nodes : { namespace = "AWS/ElastiCache", name = name, dimensions = { CacheClusterId = node }, statistic = "Maximum", label = node }]
      }]
    }],
  )
}
