resource "aws_lambda_function" "this" {
  #checkov:skip=CKV_AWS_116: what fails asynchronously goes to the destination of the event invoke config, which keeps the reason too.
  #checkov:skip=CKV_AWS_272: whoever may deploy may also sign; the zip's hash is in the state.
  function_name = var.name
  description   = var.description
  role          = aws_iam_role.this.arn

  runtime          = "provided.al2023"
  handler          = "bootstrap"
  architectures    = var.architectures
  filename         = var.zip
  source_code_hash = filebase64sha256(var.zip)
  publish          = true

  memory_size                    = var.memory_size
  timeout                        = var.timeout
  reserved_concurrent_executions = var.reserved_concurrency

  kms_key_arn = try(var.encryption.key_arn, null)
  environment {
    variables = var.environment
  }

  dynamic "vpc_config" {
    for_each = var.vpc == null ? [] : [var.vpc]
    content {
      subnet_ids         = vpc_config.value.subnet_ids
      security_group_ids = vpc_config.value.security_group_ids
    }
  }

  tracing_config {
    mode = var.tracing
  }

  logging_config {
    log_format = "JSON"
    log_group  = aws_cloudwatch_log_group.this.name
  }

  # Without its rights the first start of a copy would fail, and a VPC function could not be made at all.
  depends_on = [aws_iam_role_policy.this, aws_iam_role_policy_attachment.managed]
}

# Everything that calls the function calls this; a release moves it, a rollback moves it back.
resource "aws_lambda_alias" "live" {
  name             = "live"
  description      = "What is called"
  function_name    = aws_lambda_function.this.function_name
  function_version = aws_lambda_function.this.version
}

resource "aws_cloudwatch_log_group" "this" {
  name              = "/aws/lambda/${var.name}"
  retention_in_days = var.log_retention_days
  kms_key_id        = try(var.encryption.key_arn, null)
}
