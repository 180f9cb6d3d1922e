output "name" {
  description = "Name of the bus."
  value       = aws_cloudwatch_event_bus.this.name
}

output "arn" {
  description = "ARN of the bus."
  value       = aws_cloudwatch_event_bus.this.arn
}

output "undelivered_queue" {
  description = "Queue for what the bus itself could not handle: name, ARN and URL."
  value       = module.undelivered.queue
}
