output "topic_arns" {
  description = "Topics that alarms are sent to, by severity."
  value       = { for severity, topic in aws_sns_topic.this : severity => topic.arn }
}

output "alarm_names" {
  description = "Full names of the alarms, by name."
  value       = { for name, alarm in aws_cloudwatch_metric_alarm.this : name => alarm.alarm_name }
}

output "service_alarm_names" {
  description = "Names of the alarms that sum up each service."
  value       = { for service, alarm in aws_cloudwatch_composite_alarm.this : service => alarm.alarm_name }
}
