output "queue" {
  description = "The queue that a function reads: name, ARN and URL."
  value = {
    name = aws_sqs_queue.this.name
    arn  = aws_sqs_queue.this.arn
    url  = aws_sqs_queue.this.url
  }
}

output "dead_letter_queue" {
  description = "The queue for what neither the bus nor the function got done: name, ARN and URL."
  value       = module.dead_letters.queue
}

output "rule_name" {
  description = "Name of the rule."
  value       = aws_cloudwatch_event_rule.this.name
}
