output "name" {
  description = "Name of the function."
  value       = aws_lambda_function.this.function_name
}

output "alias" {
  description = "The alias `live`, which is what callers call: name, ARN, and the ARN that API Gateway invokes."
  value = {
    name       = aws_lambda_alias.live.name
    arn        = aws_lambda_alias.live.arn
    invoke_arn = aws_lambda_alias.live.invoke_arn
  }
}

output "role_arn" {
  description = "Role of the function."
  value       = aws_iam_role.this.arn
}

output "timeout" {
  description = "Seconds after which an invocation is ended."
  value       = aws_lambda_function.this.timeout
}

output "log_group_name" {
  description = "Log group of the function."
  value       = aws_cloudwatch_log_group.this.name
}

output "dead_letter_queue" {
  description = "Queue for scheduled calls that failed, as name, ARN and URL; null without a schedule."
  value       = one(module.dead_letters[*].queue)
}
