# What each function may do, resource by resource. The actions have to be those that the code calls (contract.json), no more and no
# less: rust-lambda refuses the plan otherwise. Whoever lets the code call something new decides here on which resource.
locals {
  table = module.tables.arns
  index = module.tables.index_arns

  get  = ["dynamodb:GetItem", "dynamodb:BatchGetItem"]
  read = concat(local.get, ["dynamodb:Query"])
  # Transactions need the rights of what they consist of.
  change = ["dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"]

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
      Decisions  = { actions = ["dynamodb:PutItem"], resources = [local.table.prices, local.table.history, local.table.documents] }
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
      Records = { actions = local.get, resources = [for name in ["catalogue", "inventory", "prices", "documents", "usage"] : local.table[name]] }
      Lists   = { actions = ["dynamodb:Query"], resources = [local.index.catalogue.skus, local.index.prices.due, local.index.usage.held, local.table.documents, local.table.usage] }
      Usage   = { actions = local.change, resources = [local.table.usage] }
      # Promotions that are used up are left out by the settings.
      Settings = { actions = ["dynamodb:PutItem"], resources = [local.table.documents] }
      Publish  = local.publish.reconciler
      Reprice  = { actions = ["sqs:SendMessage"], resources = [module.route["pricing-calculator"].queue.arn] }
    })

    price-api = merge(local.log_in.reader, {
      Read      = { actions = local.read, resources = values(local.table) }
      ReadLists = { actions = ["dynamodb:Query"], resources = [local.index.catalogue.skus, local.index.alerts.told, local.index.usage.held] }
      Write     = { actions = local.change, resources = [for name in ["catalogue", "documents", "usage", "orders"] : local.table[name]] }
      # Refused input that is taken up again.
      Inventory = { actions = ["dynamodb:PutItem"], resources = [local.table.inventory] }
      Publish   = local.publish.price-api
      DeadLetters = {
        actions   = ["sqs:ReceiveMessage", "sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
        resources = concat([for route in values(module.route) : route.dead_letter_queue.arn], [module.quarantine.queue.arn])
      }
      Redrive    = { actions = ["sqs:SendMessage", "sqs:GetQueueAttributes"], resources = [for route in values(module.route) : route.queue.arn] }
      Quarantine = local.quarantine
    })
  }
}
