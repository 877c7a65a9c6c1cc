# What ReferenceJob.cs and the Twin in jobs.py do, for ForEach-Object -Parallel -AsJob. The cmdlets
# that write to the streams are not in the engine; $PSCmdlet can do it without them.
[CmdletBinding()]
param($Kind, $Release)

$VerbosePreference = $DebugPreference = 'Continue'

$write = {
    [CmdletBinding()]
    param()

    'one'
    $PSCmdlet.WriteWarning('careful')
    $PSCmdlet.WriteError([System.Management.Automation.ErrorRecord]::new(
        [Exception]::new('not good'), 'NotGood', 'InvalidData', 'a target'))
    $PSCmdlet.WriteVerbose('details')
    2000000000
    $PSCmdlet.WriteDebug('more details')
    $told = [System.Management.Automation.InformationRecord]::new('told', 'Twin')
    $told.Tags.Add('tag')
    $PSCmdlet.WriteInformation($told)
    $working = [System.Management.Automation.ProgressRecord]::new(0, 'Working', 'half')
    $working.PercentComplete = 50
    $PSCmdlet.WriteProgress($working)
    [pscustomobject]@{ Name = 'three'; Size = 3000000000 }
}

switch ($Kind) {
    'say' { 'said' }
    'nulls' { 'one', $null, 'two' }
    'write' { & $write }
    'fail' {
        'before'
        throw 'ValueError: not today'
    }
    { $_ -in 'wait', 'late' } {
        'first'
        while (-not $Release.WaitOne(5)) { }
        if ($Kind -eq 'late') { & $write } else { 'released' }
    }
}
