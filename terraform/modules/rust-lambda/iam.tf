data "aws_partition" "this" {}
data "aws_region" "this" {}

data "aws_iam_policy_document" "assume" {
  statement {
    sid     = "Lambda"
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "this" {
  name               = var.name
  assume_role_policy = data.aws_iam_policy_document.assume.json
}

resource "aws_iam_role_policy" "this" {
  name   = "own"
  role   = aws_iam_role.this.id
  policy = data.aws_iam_policy_document.this.json
}

# The actions behind tracing and network interfaces know no resources, only `*`. AWS's own policies grant these and nothing else.
resource "aws_iam_role_policy_attachment" "managed" {
  for_each = toset(concat(
    var.tracing == "Active" ? ["AWSXRayDaemonWriteAccess"] : [],
    var.vpc == null ? [] : ["service-role/AWSLambdaENIManagementAccess"],
  ))
  role       = aws_iam_role.this.name
  policy_arn = "arn:${data.aws_partition.this.partition}:iam::aws:policy/${each.key}"
}

locals {
  # What Lambda itself does in the function's name.
  of_lambda = merge(
    {
      Logs = {
        actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
        resources = ["${aws_cloudwatch_log_group.this.arn}:*"] # the streams of this group
      }
    },
    length(var.queues) == 0 ? {} : {
      Queues = {
        actions   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
        resources = [for queue in values(var.queues) : queue.arn]
      }
    },
    length(var.streams) == 0 ? {} : {
      Streams = {
        actions   = ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams"]
        resources = [for stream in values(var.streams) : stream.arn]
      }
      StreamFailures = {
        actions   = ["sqs:SendMessage"]
        resources = [var.stream_failures.arn]
      }
    },
    var.schedule == null ? {} : {
      ScheduleFailures = {
        actions   = ["sqs:SendMessage"]
        resources = [module.dead_letters[0].queue.arn]
      }
    },
  )
}

data "aws_iam_policy_document" "this" {
  dynamic "statement" {
    for_each = local.of_lambda
    content {
      sid       = statement.key
      actions   = statement.value.actions
      resources = statement.value.resources
    }
  }

  dynamic "statement" {
    for_each = var.statements
    content {
      sid       = "Call${statement.key}"
      actions   = statement.value.actions
      resources = statement.value.resources
      dynamic "condition" {
        for_each = statement.value.conditions
        content {
          variable = condition.key
          test     = condition.value.test
          values   = condition.value.values
        }
      }
    }
  }

  dynamic "statement" {
    for_each = var.keys
    content {
      sid       = "Key${statement.key}"
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = [statement.value.key_arn]
      condition {
        test     = "StringEquals"
        variable = "kms:ViaService"
        values   = [for service in statement.value.services : "${service}.${data.aws_region.this.region}.amazonaws.com"]
      }
    }
  }

  # Network interfaces are Lambda's to manage. The function's own code, which runs under the same role, may not.
  dynamic "statement" {
    for_each = var.vpc == null ? [] : [var.vpc]
    content {
      sid    = "InterfacesAreNotForTheCode"
      effect = "Deny"
      actions = [
        "ec2:AssignPrivateIpAddresses", "ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface",
        "ec2:DescribeNetworkInterfaces", "ec2:UnassignPrivateIpAddresses",
      ]
      resources = ["*"]
      condition {
        test     = "ArnEquals"
        variable = "lambda:SourceFunctionArn"
        values   = ["arn:${data.aws_partition.this.partition}:lambda:${data.aws_region.this.region}:${data.aws_caller_identity.this.account_id}:function:${var.name}"]
      }
    }
  }
}

data "aws_caller_identity" "this" {}
