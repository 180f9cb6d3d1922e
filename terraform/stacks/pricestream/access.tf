# What each function may do, resource by resource. The actions have to be those that the code calls (contract.json), no more and no
# less: rust-lambda refuses the plan otherwise. Whoever lets the code call something new decides here on which resource.
locals {
  table = module.tables.arns
  index = module.tables.index_arns

  get  = ["dynamodb:GetItem", "dynamodb:BatchGetItem"]
  read = concat(local.get, ["dynamodb:Query"])
  # What a transaction consists of.
  change = ["dynamodb:ConditionCheckItem", "dynamodb:PutItem", "dynamodb:UpdateItem"]

  # An event is put on the bus only in the function's own name.
  publish = { for name, sources in local.speaks_for : name => {
    actions    = ["events:PutEvents"]
    resources  = [module.bus.arn]
    conditions = { "events:source" = { test = "StringEquals", values = sources } }
  } }
  quarantine = { actions = ["sqs:SendMessage"], resources = [module.quarantine.queue.arn] }

  # To log in is to be the user; without a user of our own there is nothing to grant.
  log_in = { for role in ["reader", "writer"] : role => local.own_cache ? {
    Cache = { actions = ["elasticache:Connect"], resources = [module.cache[0].arn, module.cache[0].users[role].arn] }
  } : {} }

  statements = {
    inventory-publisher = {
      Inventory  = { actions = ["dynamodb:GetItem", "dynamodb:PutItem"], resources = [local.table.inventory] }
      Catalogue  = { actions = ["dynamodb:GetItem"], resources = [local.table.catalogue] }
      Publish    = local.publish.inventory-publisher
      Quarantine = local.quarantine
    }

    pricing-calculator = {
      Inputs     = { actions = local.read, resources = [local.table.inventory, local.table.catalogue, local.table.documents, local.table.prices] }
      Decisions  = { actions = local.change, resources = [local.table.prices, local.table.history, local.table.documents] }
      Publish    = local.publish.pricing-calculator
      Quarantine = local.quarantine
    }

    cache-writer = merge(local.log_in.writer, {
      Prices     = { actions = ["dynamodb:GetItem"], resources = [local.table.prices] }
      Quarantine = local.quarantine
    })

    low-stock-alert = {
      Inputs     = { actions = ["dynamodb:GetItem"], resources = [local.table.catalogue, local.table.inventory] }
      Alerts     = { actions = ["dynamodb:GetItem", "dynamodb:PutItem"], resources = [local.table.alerts] }
      Tell       = { actions = ["sns:Publish"], resources = [module.alerts.topic_arn] }
      Quarantine = local.quarantine
    }

    reconciler = merge(local.log_in.writer, {
      Records = { actions = local.get, resources = [local.table.catalogue, local.table.inventory, local.table.prices] }
      Lists   = { actions = ["dynamodb:Query"], resources = [local.index.catalogue.skus, local.index.prices.due, local.index.usage.held, local.table.documents, local.table.usage] }
      Usage   = { actions = ["dynamodb:UpdateItem"], resources = [local.table.usage] }
      Publish = local.publish.reconciler
      Reprice = { actions = ["sqs:SendMessage"], resources = [module.route["pricing-calculator"].queue.arn] }
    })

    price-api = merge(local.log_in.reader, {
      Read      = { actions = local.read, resources = values(local.table) }
      ReadLists = { actions = ["dynamodb:Query"], resources = [local.index.catalogue.skus, local.index.alerts.told, local.index.usage.held] }
      Write     = { actions = concat(local.change, ["dynamodb:DeleteItem"]), resources = [for name in ["catalogue", "documents", "usage", "orders"] : local.table[name]] }
      Publish   = local.publish.price-api
      DeadLetters = {
        actions   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
        resources = concat([for route in values(module.route) : route.dead_letter_queue.arn], [module.quarantine.queue.arn])
      }
      Redrive = { actions = ["sqs:SendMessage"], resources = [for route in values(module.route) : route.queue.arn] }
    })
  }
}
