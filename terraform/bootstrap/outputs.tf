output "state_bucket" {
  description = "Bucket to give to init: -backend-config=bucket=NAME"
  value       = aws_s3_bucket.state.bucket
}

output "deploy_role_arns" {
  description = "Roles that the pipeline assumes, by environment."
  value       = { for environment, role in aws_iam_role.deploy : environment => role.arn }
}
