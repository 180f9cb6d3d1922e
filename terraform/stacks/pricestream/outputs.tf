output "api" {
  description = "The HTTP API: its id, and where it answers."
  value       = { id = module.api.id, url = module.api.url }
}

output "bus_name" {
  description = "Name of the bus."
  value       = module.bus.name
}

output "tables" {
  description = "Full names of the tables, by name."
  value       = module.tables.names
}

output "queues" {
  description = "URLs of the queues that functions read, by function."
  value       = { for name, route in module.route : name => route.queue.url }
}

output "dead_letter_queues" {
  description = "URLs of the queues for what failed, by what they are for."
  value       = { for name, dead in local.dead_letters : name => dead.queue.url }
}

output "alert_topic_arn" {
  description = "The topic for low-stock alerts."
  value       = module.alerts.topic_arn
}

output "functions" {
  description = "Full names of the functions, their aliases and log groups, by name."
  value       = { for name, function in module.function : name => { name = function.name, alias = function.alias.arn, log_group = function.log_group_name } }

  precondition {
    condition     = length(local.unset) == 0
    error_message = "The code reads what nothing here sets: ${join(", ", local.unset)}."
  }
}

output "alarm_topics" {
  description = "Topics that alarms are sent to, by severity."
  value       = module.observability.topic_arns
}

output "dashboard" {
  description = "Name of the dashboard."
  value       = local.prefix
}
