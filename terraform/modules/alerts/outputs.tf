output "topic_arn" {
  description = "The topic that alerts are published to."
  value       = aws_sns_topic.this.arn
}

output "undelivered_queue" {
  description = "Queue for alerts that no subscriber took: name, ARN and URL."
  value       = module.undelivered.queue
}
