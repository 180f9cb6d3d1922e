# Connections that were refused: the first thing to read when a function cannot reach what it needs.
resource "aws_flow_log" "refused" {
  vpc_id                   = aws_vpc.this.id
  traffic_type             = "REJECT"
  log_destination_type     = "cloud-watch-logs"
  log_destination          = aws_cloudwatch_log_group.refused.arn
  iam_role_arn             = aws_iam_role.refused.arn
  max_aggregation_interval = 60
}

resource "aws_cloudwatch_log_group" "refused" {
  name              = "/aws/vpc/${var.name}-refused"
  retention_in_days = var.log_retention_days
  kms_key_id        = try(var.encryption.key_arn, null)
}

data "aws_iam_policy_document" "assume" {
  statement {
    sid     = "FlowLogs"
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["vpc-flow-logs.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "refused" {
  statement {
    sid       = "Logs"
    actions   = ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.refused.arn}:*"] # the streams of this group
  }
}

resource "aws_iam_role" "refused" {
  name               = "${var.name}-flow-logs"
  assume_role_policy = data.aws_iam_policy_document.assume.json
}

resource "aws_iam_role_policy" "refused" {
  name   = "own"
  role   = aws_iam_role.refused.id
  policy = data.aws_iam_policy_document.refused.json
}
